//! Covers: pictures without letters, drawn from a book's id, so that each book has its own.
//!
//! A cover is a function from a point to a colour, looked at once a pixel, and closer
//! where it changes. Points are in
//! units of the cover's width, from its top left corner.

mod motifs;

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
    motifs::mountains,
    motifs::waves,
    motifs::rings,
    motifs::leaves,
    motifs::sunburst,
    motifs::arches,
    motifs::stars,
    motifs::stripes,
    motifs::tiles,
];

/// The cover of the book with that id; Chinese ones may be bound with thread.
pub fn draw(id: &str, place: usize, is_chinese: bool) -> anyhow::Result<Picture> {
    let mut dice = Dice::of(id);
    // The same motif comes in another palette each time.
    let palette = place % MOTIFS.len() + 3 * (place / MOTIFS.len());
    let design = Design::of(palette, &mut dice);
    // Neighbours in the list differ, whatever their ids are.
    let motif = match place {
        place if is_chinese && place % 5 == 0 => motifs::thread_bound,
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
