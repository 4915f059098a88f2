//! What the ground looks like from above, and what hangs over it.

use super::noise::hash;

/// Colour stops: (position, red, green, blue), positions from 0 to 255.
type Stops = [(i32, [i32; 3])];

/// From the shore down to the deep.
const SEA: &Stops = &[
    (0, [122, 158, 148]),
    (10, [70, 128, 132]),
    (40, [32, 84, 108]),
    (110, [16, 48, 82]),
    (255, [9, 26, 56]),
];

/// From the beach up to the snow.
const LAND: &Stops = &[
    (0, [196, 184, 146]),
    (5, [150, 146, 100]),
    (14, [88, 104, 58]),
    (70, [62, 84, 46]),
    (120, [70, 80, 50]),
    (155, [112, 100, 78]),
    (190, [136, 126, 114]),
    (212, [188, 190, 192]),
    (255, [224, 228, 232]),
];

/// What grows: wheat, stubble, meadow, young and ripe crops, ploughed earth.
const CROPS: [[i32; 3]; 8] = [
    [150, 138, 86],
    [172, 158, 110],
    [98, 124, 64],
    [120, 136, 72],
    [76, 108, 56],
    [112, 92, 66],
    [136, 118, 84],
    [90, 116, 74],
];

const FOREST: [i32; 3] = [40, 60, 34];
const RIVER: [i32; 3] = [52, 84, 92];

/// Directions of field boundaries, in sixteenths of a pixel.
const BEARINGS: [(i32, i32); 4] = [(15, 5), (9, 13), (16, -3), (12, -11)];

/// Heights below this are under the sea.
const SEA_LEVEL: i32 = -700;
/// Fields lie between these positions of [`LAND`].
const FIELDS: std::ops::Range<i32> = 8..84;
/// Rivers end where mountains begin.
const RIVER_TOP: i32 = 105;

/// All that is known of a pixel.
pub(super) struct Spot {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) height: i32,
    /// Rise towards the lower right, away from the sun.
    pub(super) slope: i32,
    pub(super) moisture: i32,
    pub(super) river: i32,
    /// Random bits of this pixel.
    pub(super) grain: u32,
}

/// The colour stops, filled in.
pub(super) struct Palette {
    sea: Vec<[i32; 3]>,
    land: Vec<[i32; 3]>,
}

impl Palette {
    pub(super) fn new() -> Self {
        Self { sea: ramp(SEA), land: ramp(LAND) }
    }

    /// The colour of the ground in the sun.
    pub(super) fn ground(&self, spot: &Spot, salt: u32) -> [i32; 3] {
        let above = spot.height - SEA_LEVEL;
        if above < 0 {
            let depth = (-above >> 4) + (spot.moisture >> 10) + (spot.grain & 3) as i32;
            return self.sea[depth.clamp(0, 255) as usize];
        }
        let level = (above >> 5).min(255);
        // Away from the shore the zones do not follow the height alone.
        let bent = level + (((spot.moisture >> 8) * level.min(64)) >> 6);
        let mut colour = self.land[bent.clamp(0, 255) as usize];
        let width = 130 - level;
        if level < RIVER_TOP && spot.river.abs() < width {
            return if spot.river.abs() < width - 34 { RIVER } else { FOREST };
        }
        if FIELDS.contains(&bent) && spot.moisture > -2600 {
            colour = field(spot, salt);
        } else if (14..135).contains(&bent) && spot.moisture < 2500 {
            let speckle = ((spot.grain >> 8) & 15) as i32 - 8;
            let dense = (level + 40).min(96);
            colour = mix(colour, FOREST, dense).map(|c| c + speckle);
        }
        let light = (256 + spot.slope * 2).clamp(112, 376);
        colour.map(|c| (c * light) >> 8)
    }
}

/// A parcel's crop, or the hedge around it.
fn field(spot: &Spot, salt: u32) -> [i32; 3] {
    let region = (spot.moisture + 8192) >> 11;
    let (a, b) = BEARINGS[(region & 3) as usize];
    let (x, y) = (spot.x as i32, spot.y as i32);
    let (u, v) = ((x * a + y * b) >> 4, (y * a - x * b) >> 4);
    let (band, along) = (v >> 5, v & 31);
    // Parcels of neighbouring bands are not in line, and not equally long.
    let start = (hash(band as u32, region as u32, salt) & 63) as i32;
    let (parcel, within) = ((u + start) >> 6, (u + start) & 63);
    let pick = hash(parcel as u32, band as u32, salt ^ region as u32);
    let crop = CROPS[(pick & 7) as usize];
    if along == 0 || within == 0 {
        return mix(crop, FOREST, 150);
    }
    let tint = ((pick >> 8) & 15) as i32 - 8;
    // Furrows, faintly.
    let furrow = if pick & 0x30000 == 0 { (along & 2) * 3 } else { 0 };
    let grain = (spot.grain & 7) as i32 - 4;
    crop.map(|c| c + tint + grain - furrow)
}

/// Adds clouds, their shadows and the sensor's noise. `over` is the cloud field here, `cast` where the
/// sunlight comes through.
pub(super) fn weather(ground: [i32; 3], over: i32, cast: i32, grain: u32) -> [u8; 3] {
    let shadow = ((cast - CLOUD_LEVEL) >> 4).clamp(0, 104);
    let cloud = ((over - CLOUD_LEVEL) >> 4).clamp(0, 236);
    let noise = ((grain >> 20) & 7) as i32 + ((grain >> 24) & 7) as i32 - 7;
    if shadow == 0 && cloud == 0 {
        return ground.map(|c| (c + (noise >> 1)).clamp(0, 255) as u8);
    }
    let white = 232 + ((over - CLOUD_LEVEL) >> 9).min(20);
    ground.map(|c| {
        let shaded = (c * (256 - shadow)) >> 8;
        let seen = shaded + (((white - shaded) * cloud) >> 8);
        (seen + (noise >> 1)).clamp(0, 255) as u8
    })
}

/// Cloud field values above this are clouds.
const CLOUD_LEVEL: i32 = 5200;

fn mix(a: [i32; 3], b: [i32; 3], share: i32) -> [i32; 3] {
    [0, 1, 2].map(|i| a[i] + (((b[i] - a[i]) * share) >> 8))
}

fn ramp(stops: &Stops) -> Vec<[i32; 3]> {
    let between = |pair: &[(i32, [i32; 3])]| {
        let [(start, from), (end, to)] = [pair[0], pair[1]];
        (start..end).map(move |i| mix(from, to, (i - start) * 256 / (end - start)))
    };
    let mut ramp: Vec<_> = stops.windows(2).flat_map(between).collect();
    ramp.extend(stops.last().map(|(_, colour)| *colour));
    ramp
}
