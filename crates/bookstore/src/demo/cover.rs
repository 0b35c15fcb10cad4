//! Covers: pictures without letters, drawn from a book's id, so that each book has its own.
//!
//! A cover is a function from a point to a colour, looked at once a pixel, and closer
//! where it changes. Points are in
//! units of the cover's width, from its top left corner.

use anyhow::Context;
use domain::Picture;
use miniz_oxide::deflate::compress_to_vec_zlib;

/// How large a cover is, in pixels.
pub const WIDTH: u32 = 300;
pub const HEIGHT: u32 = 420;
/// The cover's height in units of its width.
const TALL: f32 = 1.4;

/// How hard to compress, of 10.
const COMPRESSION: u8 = 8;

type Colour = [f32; 3];

/// Ground, figure, second figure, accent.
const PALETTES: [[u32; 4]; 10] = [
    [0x1F_3A_5F, 0xE8_D9_B5, 0x3E_6B_8F, 0xD9_7B_4A],
    [0xF2_E6_CE, 0x9C_2A_1F, 0xC9_8B_5A, 0x2B_2A_28],
    [0x24_4B_3F, 0xE9_DF_C3, 0x4F_83_62, 0xE0_A4_3B],
    [0x3B_2A_4A, 0xF0_D5_B0, 0x7A_52_8A, 0xE8_8F_6F],
    [0xE9_E4_D8, 0x2F_48_58, 0x86_9D_A3, 0xD0_6B_4C],
    [0x7B_2D_26, 0xF3_DD_B8, 0xB5_55_3D, 0xF0_B5_4F],
    [0x12_2C_34, 0x9F_C9_C4, 0x2F_6D_74, 0xF2_C1_4E],
    [0xF6_EB_D9, 0x3C_5A_3E, 0x9C_B3_7E, 0xB8_4A_2E],
    [0x2B_2B_33, 0xE4_DC_CF, 0x5C_5C_6E, 0xC9_3F_38],
    [0xD9_C7_A3, 0x4A_2E_22, 0xA8_7B_4F, 0x1F_5C_66],
];

fn colour(rgb: u32) -> Colour {
    let [_, red, green, blue] = rgb.to_be_bytes();
    [red, green, blue].map(|part| f32::from(part) / 255.0)
}

fn mix(one: Colour, other: Colour, share: f32) -> Colour {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|part| one[part] + (other[part] - one[part]) * share)
}

/// Numbers that a seed decides: good enough for pictures.
struct Dice(u64);

impl Dice {
    fn of(text: &str) -> Self {
        let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(hash)
    }

    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(sides)).unwrap_or(0)
    }

    /// A number from `low` to `high`.
    fn between(&mut self, low: f32, high: f32) -> f32 {
        let part = u16::try_from(self.roll(1_000)).unwrap_or(0);
        low + (high - low) * f32::from(part) / 999.0
    }
}

/// The four colours of a cover, and what else makes it its own.
struct Design {
    ground: Colour,
    figure: Colour,
    second: Colour,
    accent: Colour,
    /// From 0 to 1 each.
    traits: [f32; 6],
}

impl Design {
    fn of(palette: usize, dice: &mut Dice) -> Self {
        let palette = PALETTES[palette % PALETTES.len()].map(colour);
        let [ground, figure, second, accent] = palette;
        Self {
            ground,
            figure,
            second,
            accent,
            traits: [0; 6].map(|_| dice.between(0.0, 1.0)),
        }
    }
}

type Motif = fn(&Design, f32, f32) -> Colour;

const MOTIFS: [Motif; 9] = [
    mountains, waves, rings, leaves, sunburst, arches, stars, stripes, tiles,
];

/// The cover of the book with that id; Chinese ones may be bound with thread.
pub fn draw(id: &str, place: usize, is_chinese: bool) -> anyhow::Result<Picture> {
    let mut dice = Dice::of(id);
    // The same motif comes in another palette each time.
    let palette = place % MOTIFS.len() + 3 * (place / MOTIFS.len());
    let design = Design::of(palette, &mut dice);
    // Neighbours in the list differ, whatever their ids are.
    let motif = match place {
        place if is_chinese && place % 5 == 0 => thread_bound,
        place => MOTIFS[place % MOTIFS.len()],
    };
    let rough: Vec<[u8; 3]> = points()
        .map(|(column, row)| mean(&design, motif, column, row, &[(0.5, 0.5)]))
        .collect();
    let pixels = points().zip(&rough).flat_map(|((column, row), seen)| {
        if is_edge(&rough, column, row) {
            const CORNERS: [(f32, f32); 4] =
                [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
            mean(&design, motif, column, row, &CORNERS)
        } else {
            *seen
        }
    });
    let pixels: Vec<u8> = pixels.collect();
    Picture::new(encode(&pixels)).context("a cover is a picture")
}

/// All pixels, row by row.
fn points() -> impl Iterator<Item = (u32, u32)> {
    (0..HEIGHT).flat_map(|row| (0..WIDTH).map(move |column| (column, row)))
}

/// Whether a pixel differs from one beside it, so that a closer look is worth while.
fn is_edge(rough: &[[u8; 3]], column: u32, row: u32) -> bool {
    let at = |column: u32, row: u32| rough[(row * WIDTH + column) as usize];
    let seen = at(column, row);
    let columns = column.saturating_sub(1)..=(column + 1).min(WIDTH - 1);
    let rows = row.saturating_sub(1)..=(row + 1).min(HEIGHT - 1);
    columns.into_iter().any(|column| at(column, row) != seen)
        || rows.into_iter().any(|row| at(column, row) != seen)
}

/// The mean of some looks at a pixel.
fn mean(design: &Design, motif: Motif, column: u32, row: u32, looks: &[(f32, f32)]) -> [u8; 3] {
    let mut sum = [0.0; 3];
    for (right, down) in looks {
        let at = |pixel: u32, part: f32| (pixel as f32 + part) / WIDTH as f32;
        let (x, y) = (at(column, *right), at(row, *down));
        let seen = bound(motif(design, x, y), x);
        sum = [0, 1, 2].map(|part| sum[part] + seen[part]);
    }
    let count = looks.len() as f32;
    sum.map(|part| (part / count * 255.0).round().clamp(0.0, 255.0) as u8)
}

/// The fold along the spine.
fn bound(seen: Colour, x: f32) -> Colour {
    let shade = if x < 0.035 {
        0.12
    } else if x < 0.045 {
        0.22
    } else {
        0.0
    };
    mix(seen, [0.0; 3], shade)
}

/// The rows as a PNG file: three bytes a pixel, no filter but the difference to the left.
fn encode(pixels: &[u8]) -> Vec<u8> {
    let row_bytes = WIDTH as usize * 3;
    let mut filtered = Vec::with_capacity(pixels.len() + HEIGHT as usize);
    for row in pixels.chunks(row_bytes) {
        filtered.push(1);
        filtered.extend_from_slice(&row[..3]);
        filtered.extend(
            row.iter()
                .zip(&row[3..])
                .map(|(left, it)| it.wrapping_sub(*left)),
        );
    }
    let mut head = [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    chunk(&mut file, b"IHDR", &head);
    chunk(
        &mut file,
        b"IDAT",
        &compress_to_vec_zlib(&filtered, COMPRESSION),
    );
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a cover is small");
    file.extend(length.to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    file.extend(content);
    let sum = crc32(&file[begin..]);
    file.extend(sum.to_be_bytes());
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let carry = sum & 1;
            (sum >> 1) ^ (0xEDB8_8320 * carry)
        })
    };
    !bytes.iter().fold(!0, step)
}

/// Hills behind hills, and a moon or a sun over them.
fn mountains(design: &Design, x: f32, y: f32) -> Colour {
    let [moon_x, moon_y, size, first, second, third] = design.traits;
    let sky = mix(design.ground, design.second, y / TALL * 0.6);
    let centre = (0.25 + 0.5 * moon_x, 0.3 + 0.15 * moon_y);
    let mut seen = sky;
    if (x - centre.0).hypot(y - centre.1) < 0.1 + 0.07 * size {
        seen = design.accent;
    }
    for (layer, phase) in [first, second, third].into_iter().enumerate() {
        let layer = layer as f32;
        let wave = (x * (5.0 + 2.0 * layer) + phase * 6.3).sin() * 0.09
            + (x * (11.0 + 3.0 * layer) + phase * 12.0).sin() * 0.035;
        if y > 0.72 + 0.2 * layer + wave {
            seen = mix(design.second, design.figure, layer / 2.0);
        }
    }
    seen
}

/// Scales of water, one behind the other.
fn waves(design: &Design, x: f32, y: f32) -> Colour {
    let size = 0.16 + 0.1 * design.traits[0];
    let row = (y / (size * 0.5)).floor();
    // The wave that covers a point is the lowest whose circle reaches up to it.
    for step in [2.0, 1.0, 0.0, -1.0] {
        let line = row + step;
        let shift = if line.rem_euclid(2.0) < 1.0 {
            0.0
        } else {
            size / 2.0
        };
        let centre_x = ((x - shift) / size).round() * size + shift;
        let distance = (x - centre_x).hypot(y - (line + 1.0) * size * 0.5) / (size / 2.0);
        if distance < 1.0 {
            let ring = (distance * 4.0).floor().rem_euclid(2.0);
            let is_odd = (line * 7.0 + (centre_x / size).round() * 3.0).rem_euclid(11.0) < 1.0;
            let figure = if is_odd { design.accent } else { design.figure };
            return if ring < 1.0 { design.ground } else { figure };
        }
    }
    design.ground
}

/// Circles around a point that is not the middle.
fn rings(design: &Design, x: f32, y: f32) -> Colour {
    let [right, down, width, ..] = design.traits;
    let distance = (x - 0.2 - 0.6 * right).hypot(y - 0.35 - 0.7 * down);
    let width = 0.05 + 0.05 * width;
    match (distance / width) as u32 {
        0 | 1 => design.accent,
        ring if ring % 4 == 0 => design.second,
        ring if ring % 2 == 0 => design.figure,
        _ => design.ground,
    }
}

/// Stems with leaves to both sides.
fn leaves(design: &Design, x: f32, y: f32) -> Colour {
    let stems = [0.25, 0.5, 0.76];
    let mut seen = design.ground;
    for (place, stem) in stems.into_iter().enumerate() {
        let phase = design.traits[place];
        let bend = ((y * 2.2 + phase * 5.0).sin()) * 0.035;
        let beside = x - stem - bend;
        let top = 0.18 + 0.3 * design.traits[place + 3];
        if y < top {
            continue;
        }
        if beside.abs() < 0.006 {
            seen = design.second;
        }
        let along = ((y - top) / 0.13).fract();
        let leaf = ((y - top) / 0.13) as u32;
        let side = if leaf.is_multiple_of(2) { 1.0 } else { -1.0 };
        let out = beside * side / 0.12;
        // A leaf is what two arcs enclose.
        let belly = 0.42 * (out.clamp(0.0, 1.0) * std::f32::consts::PI).sin();
        if (0.0..1.0).contains(&out) && (along - 0.8 + out * 0.45).abs() < belly * 0.5 {
            let is_bright = (place + ((y - top) / 0.13) as usize) % 5 == 3;
            seen = if is_bright {
                design.accent
            } else {
                design.figure
            };
        }
    }
    seen
}

/// Rays from a sun at the edge of the sea.
fn sunburst(design: &Design, x: f32, y: f32) -> Colour {
    let horizon = 0.85 + 0.2 * design.traits[0];
    let centre_x = 0.3 + 0.4 * design.traits[1];
    if y > horizon {
        let line = ((y - horizon) * 16.0).powf(0.7) as u32;
        return if line.is_multiple_of(2) {
            design.second
        } else {
            design.ground
        };
    }
    let (right, up) = (x - centre_x, horizon - y);
    if right.hypot(up) < 0.2 + 0.08 * design.traits[2] {
        return design.accent;
    }
    let ray = (up.atan2(right) / std::f32::consts::PI * 18.0) as u32;
    if ray.is_multiple_of(2) {
        design.figure
    } else {
        design.ground
    }
}

/// Doors within doors.
fn arches(design: &Design, x: f32, y: f32) -> Colour {
    let width = 0.055 + 0.025 * design.traits[0];
    let top = 0.62 + 0.12 * design.traits[1];
    let half = (x - 0.52).abs();
    let distance = if y < top { half.hypot(top - y) } else { half };
    match (distance / width) as u32 {
        0 => design.accent,
        arch if arch > 6 => design.ground,
        arch if arch % 3 == 0 => design.second,
        arch if arch % 2 == 0 => design.ground,
        _ => design.figure,
    }
}

/// A night over a thin line of land.
fn stars(design: &Design, x: f32, y: f32) -> Colour {
    let dark = mix(design.ground, [0.05, 0.07, 0.14], 0.72);
    let hill = 1.16 + ((x * 4.0 + design.traits[0] * 6.0).sin()) * 0.06;
    if y > hill {
        return mix(design.second, dark, 0.35);
    }
    let moon = (x - 0.68 + 0.3 * design.traits[1], y - 0.32);
    if moon.0.hypot(moon.1) < 0.12 {
        let is_cut = (moon.0 - 0.055).hypot(moon.1 + 0.02) < 0.105;
        return if is_cut { dark } else { design.accent };
    }
    let cell = ((x / 0.1).floor(), (y / 0.1).floor());
    let mut dice = Dice::of(&format!("{} {} {}", cell.0, cell.1, design.traits[2]));
    let centre = (dice.between(0.2, 0.8), dice.between(0.2, 0.8));
    let size = dice.between(0.02, 0.11);
    let is_there = dice.roll(3) > 0;
    let (right, down) = ((x / 0.1).fract() - centre.0, (y / 0.1).fract() - centre.1);
    if is_there && right.hypot(down) < size {
        return mix(design.figure, [1.0; 3], 0.4);
    }
    mix(dark, design.second, (y / TALL) * 0.35)
}

/// Broad bands on a slant, with a disc over them.
fn stripes(design: &Design, x: f32, y: f32) -> Colour {
    let [slant, width, right, down, ..] = design.traits;
    let centre = (0.3 + 0.4 * right, 0.45 + 0.4 * down);
    let distance = (x - centre.0).hypot(y - centre.1);
    let slant = 0.4 + 0.8 * slant;
    let band = ((x * slant + y) / (0.09 + 0.06 * width)) as u32;
    let lines = if band.is_multiple_of(2) {
        design.ground
    } else {
        design.second
    };
    match distance {
        near if near < 0.19 => design.accent,
        near if near < 0.235 => design.figure,
        _ => lines,
    }
}

/// A floor of quarter circles, each turned its own way.
fn tiles(design: &Design, x: f32, y: f32) -> Colour {
    let size = 0.2;
    let cell = ((x / size).floor(), (y / size).floor());
    let (right, down) = ((x / size).fract(), (y / size).fract());
    let mut dice = Dice::of(&format!("{} {} {}", cell.0, cell.1, design.traits[0]));
    let turn = dice.roll(4);
    let kind = dice.roll(7);
    let corner = match turn {
        0 => (0.0, 0.0),
        1 => (1.0, 0.0),
        2 => (1.0, 1.0),
        _ => (0.0, 1.0),
    };
    let distance = (right - corner.0).hypot(down - corner.1);
    let figure = match kind {
        0 => design.accent,
        1 | 2 => design.second,
        _ => design.figure,
    };
    match distance {
        near if near < 0.45 => design.ground,
        near if near < 0.95 => figure,
        _ => design.ground,
    }
}

/// Blue cloth, a white slip for the title, and the thread that holds it together.
fn thread_bound(design: &Design, x: f32, y: f32) -> Colour {
    let cloth = mix(
        colour(0x27_3C_5A),
        design.ground,
        0.18 + 0.2 * design.traits[0],
    );
    let weave = ((x * 260.0).sin() * (y * 260.0).sin()) * 0.025;
    let mut seen = mix(cloth, [1.0; 3], weave.max(0.0));
    if (0.1..0.3).contains(&x) && (0.1..0.86).contains(&y) {
        let is_edge = !(0.112..0.288).contains(&x) || !(0.112..0.848).contains(&y);
        seen = if is_edge {
            colour(0x3A_2E_22)
        } else {
            colour(0xF4_EC_DA)
        };
        // A seal where a reader would put one.
        if (0.155..0.245).contains(&x) && (0.71..0.8).contains(&y) {
            // A seal: a border, and strokes inside.
            let (across, down) = ((x - 0.155) / 0.09, (y - 0.71) / 0.09);
            let is_inside = (0.14..0.86).contains(&across) && (0.14..0.86).contains(&down);
            let is_stroke = |at: f32| [0.3, 0.5, 0.7].iter().any(|line| (at - line).abs() < 0.05);
            let is_line = is_inside && (is_stroke(down) || (across - 0.5).abs() < 0.06);
            seen = if is_line {
                colour(0xF4_EC_DA)
            } else {
                colour(0xA8_32_25)
            };
        }
    }
    let thread = colour(0xF0_E6_D0);
    let is_stitch = [0.14, 0.42, 0.7, 0.98, 1.26]
        .into_iter()
        .any(|at| (y - at).abs() < 0.005);
    if (x - 0.88).abs() < 0.005 || (x > 0.88 && is_stitch) {
        seen = thread;
    }
    seen
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::PictureKind;

    use super::super::books::classics;
    use super::*;

    #[test]
    fn checksums_are_those_of_png() {
        assert_eq!(crc32(b"IEND"), 0xAE42_6082);
    }

    #[test]
    fn each_book_has_a_cover_of_its_own_and_always_the_same() {
        let mut seen = HashSet::new();
        for (place, book) in classics().unwrap().iter().enumerate() {
            let cover = draw(book.id.as_str(), place, book.is_chinese).unwrap();
            assert_eq!(cover.kind(), PictureKind::Png);
            assert!(
                cover.bytes().len() < 120_000,
                "{}: {}",
                book.id,
                cover.bytes().len()
            );
            assert!(seen.insert(cover.hash()), "{}", book.id);
        }
        let again = draw("hongloumeng", 0, true).unwrap();
        assert!(seen.contains(&again.hash()));
    }
}
