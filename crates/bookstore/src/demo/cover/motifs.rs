//! What covers show. Each motif is a function from a point to a colour, with what makes one cover
//! differ from the next in the design's traits.

use super::{Colour, Design, Dice, TALL, colour, mix};

/// Hills behind hills, and a moon or a sun over them.
pub fn mountains(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn waves(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn rings(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn leaves(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn sunburst(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn arches(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn stars(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn stripes(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn tiles(design: &Design, x: f32, y: f32) -> Colour {
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
pub fn thread_bound(design: &Design, x: f32, y: f32) -> Colour {
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
