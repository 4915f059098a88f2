//! The thesis's own pipeline: one producer, a transformer, four processors, the batchers `sqs` (two batch
//! processors, batches of ten) and `s3` (one, batches of ten). An image is split into pieces of 256 rows,
//! and they are saved as `NAME_0.png`, `NAME_1.png` …
//!
//! ```sh
//! cargo run --release -p pipelines --example thesis -- IMAGE FOLDER [broadway|okiagari]
//! ```
//!
//! What differs: the thesis saves in `handle_message` and routes nothing to its batchers; here a processor
//! encodes, even pieces go to `sqs` and odd ones to `s3`, and those save. The last piece is as high as what
//! is left of the image; the thesis fills it up with the first rows again.

use image::{DynamicImage, GenericImageView, ImageFormat};
use pipelines::engine::batcher::BatchInfo;
use pipelines::engine::settings::Settings;
use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler};
use pipelines::message::{Failure, Tally};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a piece.
const ROWS: u32 = 256;
/// The batchers, in the order in which the pipeline names them.
const SQS: u8 = 0;
const S3: u8 = 1;

/// The producer's event: a piece of the image, by its number.
type Event = (u64, DynamicImage);

/// Splits an image from top to bottom, as it is asked.
struct Counter {
    image: Arc<DynamicImage>,
    next: u32,
}

impl Producer for Counter {
    type Item = Event;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Event>, Failure> {
        let (width, height) = self.image.dimensions();
        let end = height.div_ceil(ROWS).min(self.next + demand.count() as u32);
        let pieces = (self.next..end).map(|number| {
            let top = number * ROWS;
            let piece = self.image.crop_imm(0, top, width, ROWS.min(height - top));
            (number.into(), (number.into(), piece))
        });
        let supply = Supply::of(pieces);
        self.next = end;
        Ok(supply)
    }
}

/// A message: a piece with the name of its file.
struct Piece {
    name: String,
    pixels: DynamicImage,
}

/// A processor: encodes a piece, and says which batcher takes it.
struct Encode;

impl Handler for Encode {
    type Config = ();
    type In = Piece;
    type Out = (String, Vec<u8>);
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, piece: &Piece, desk: &mut Desk<'_>) -> Result<Self::Out, Failure> {
        let mut file = Cursor::new(Vec::new());
        piece.pixels.write_to(&mut file, ImageFormat::Png).map_err(Failure::item)?;
        desk.route.batcher = if desk.item.is_multiple_of(2) { SQS } else { S3 };
        Ok((piece.name.clone(), file.into_inner()))
    }
}

/// A batch processor: saves a batch of pieces.
struct Save(PathBuf);

impl BatchHandler for Save {
    type Config = PathBuf;
    type In = (String, Vec<u8>);
    fn open(folder: &PathBuf) -> Result<Self, Failure> {
        Ok(Self(folder.clone()))
    }
    fn handle(
        &mut self,
        info: &BatchInfo,
        batch: &[Done<Self::In>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        for Done { out: (name, file), .. } in batch {
            let path = self.0.join(name);
            std::fs::write(&path, file)
                .map_err(|e| Failure::output(format!("could not write {}: {e}", path.display())))?;
        }
        let batcher = if info.batcher == SQS { "sqs" } else { "s3" };
        println!("{batcher}: {} pieces saved ({})", info.size, info.trigger);
        Ok(())
    }
}

/// Splits `image` into `folder`, which exists.
pub(crate) fn split(image: &Path, folder: &Path, settings: Settings) -> Result<Tally, Failure> {
    let unreadable = |e| Failure::input(format!("{} cannot be read: {e}", image.display()));
    let pixels = Arc::new(image::open(image).map_err(unreadable)?);
    let name = image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let batch = || Batch::<Save>::new(folder.to_owned()).size(10);
    Pipeline::produced_by(1, move |_| Ok(Counter { image: pixels.clone(), next: 0 }))
        .settings(settings)
        .transform(move |(number, pixels)| {
            Ok(Piece { name: format!("{name}_{number}.png"), pixels })
        })
        .stage(Stage::<Encode>::new(()).workers(4))
        .batch(batch().workers(2))
        .batch(batch().workers(1))
        .run()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (image, folder, settings) = match &arguments[..] {
        [image, folder] => (image, folder, Settings::okiagari()),
        [image, folder, name] if name == "okiagari" => (image, folder, Settings::okiagari()),
        [image, folder, name] if name == "broadway" => (image, folder, Settings::broadway()),
        _ => return Err("usage: thesis IMAGE FOLDER [broadway|okiagari]".into()),
    };
    std::fs::create_dir_all(folder)?;
    let tally = split(Path::new(image), Path::new(folder), settings)?;
    println!("{tally:?}");
    Ok(())
}
