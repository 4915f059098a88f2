//! The thesis's pipeline, as the example has it: every row of the image comes out once, in its piece.

#[path = "../examples/thesis.rs"]
#[allow(dead_code)]
mod thesis;

use image::{GenericImage, GenericImageView, Rgb, RgbImage};
use pipelines::engine::settings::Settings;
use pipelines::message::Tally;

#[test]
fn an_image_is_split_into_pieces_of_256_rows() {
    // 24 pieces, so that each batcher has a full batch and one that is not; the last one is lower.
    let (width, height) = (64, 23 * 256 + 100);
    let noise =
        |x: u32, y: u32| Rgb([x, y, x ^ y].map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8));
    let image = RgbImage::from_fn(width, height, noise);
    for settings in [Settings::broadway(), Settings::okiagari()] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("Lenna.png");
        image.save(&file).unwrap();
        let out = dir.path().join("pieces");
        std::fs::create_dir(&out).unwrap();
        let tally = thesis::split(&file, &out, settings).unwrap();
        assert_eq!(tally, Tally { produced: 24, done: 24, ..Tally::default() });
        let mut whole = RgbImage::new(width, height);
        for number in 0..24 {
            let piece = image::open(out.join(format!("Lenna_{number}.png"))).unwrap().to_rgb8();
            let rows = if number == 23 { 100 } else { 256 };
            assert_eq!(piece.dimensions(), (width, rows));
            whole.copy_from(&*piece.view(0, 0, width, rows), 0, number * 256).unwrap();
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 24);
        assert!(whole == image, "every pixel is where it was");
    }
}
