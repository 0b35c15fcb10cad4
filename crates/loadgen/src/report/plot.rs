//! Line plots as inline SVG.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// How many lines have a colour of their own.
const COLOURS: usize = 8;

/// A mark on an axis: where, and what stands beside it.
pub type Tick = (f64, String);

/// A line with its name.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// A plot. Scales are the caller's: points and ticks come as they are to be drawn.
#[derive(Debug, Clone)]
pub struct Plot {
    pub x_label: &'static str,
    pub y_label: &'static str,
    pub x_ticks: Vec<Tick>,
    pub y_ticks: Vec<Tick>,
    pub lines: Vec<Line>,
}

impl Plot {
    /// The plot with its legend, as HTML.
    pub fn html(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a String takes all");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        write!(out, r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#)?;
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for (y, text) in &self.y_ticks {
            let y = self.y(*y);
            write!(
                out,
                r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/>"#
            )?;
            let (x, y) = (LEFT - 8.0, y + 4.0);
            write!(
                out,
                r#"<text text-anchor="end" x="{x}" y="{y:.1}">{}</text>"#,
                escape(text)
            )?;
        }
        for (x, text) in &self.x_ticks {
            let x = self.x(*x);
            write!(
                out,
                r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{bottom}"/>"#
            )?;
            let y = bottom + 16.0;
            write!(
                out,
                r#"<text text-anchor="middle" x="{x:.1}" y="{y}">{}</text>"#,
                escape(text)
            )?;
        }
        let (middle, foot) = (f64::midpoint(LEFT, right), HEIGHT - 8.0);
        let (label, y_label) = (escape(self.x_label), escape(self.y_label));
        write!(
            out,
            r#"<text text-anchor="middle" x="{middle}" y="{foot}">{label}</text>"#
        )?;
        let middle = f64::midpoint(TOP, bottom);
        let turned = format!(r#"transform="translate(14 {middle}) rotate(-90)""#);
        write!(
            out,
            r#"<text text-anchor="middle" {turned}>{y_label}</text>"#
        )?;
        for (index, line) in self.lines.iter().enumerate() {
            self.write_line(out, index, line)?;
        }
        out.push_str("</svg><p class=\"legend\">");
        for (index, line) in self.lines.iter().enumerate() {
            let (colour, name) = (index % COLOURS, escape(&line.name));
            write!(out, r#"<span><i class="c{colour}"></i>{name}</span>"#)?;
        }
        out.push_str("</p>");
        Ok(())
    }

    fn write_line(&self, out: &mut String, index: usize, line: &Line) -> std::fmt::Result {
        write!(out, r#"<polyline class="c{}" points=""#, index % COLOURS)?;
        for (x, y) in &line.points {
            write!(out, "{:.1},{:.1} ", self.x(*x), self.y(*y))?;
        }
        write!(out, r#""><title>{}</title></polyline>"#, escape(&line.name))
    }

    fn x(&self, value: f64) -> f64 {
        let part = part(&self.x_ticks, value);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let part = part(&self.y_ticks, value);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }
}

/// Where a value lies between the first and the last tick, 0 to 1.
fn part(ticks: &[Tick], value: f64) -> f64 {
    match (ticks.first(), ticks.last()) {
        (Some((first, _)), Some((last, _))) if last > first => {
            ((value - first) / (last - first)).clamp(0.0, 1.0)
        }
        _ => 0.0,
    }
}

/// Ticks from 0 to `max` or somewhat above, at round distances.
pub fn ticks_from_zero(max: f64) -> Vec<Tick> {
    const AIM: f64 = 5.0;
    let rough = (max / AIM).max(1e-9);
    let magnitude = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    let step = steps
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let count = (max / step).ceil().max(1.0) as u32;
    let tick = |number: u32| {
        let value = f64::from(number) * step;
        (value, short(value))
    };
    (0..=count).map(tick).collect()
}

/// A number without digits that say nothing.
fn short(value: f64) -> String {
    let text = match value {
        value if value >= 1e6 => format!("{:.2}", value / 1e6),
        value if value >= 1e4 => format!("{:.1}", value / 1e3),
        value => format!("{value:.3}"),
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let unit = match value {
        value if value >= 1e6 => "M",
        value if value >= 1e4 => "k",
        _ => "",
    };
    format!("{text}{unit}")
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        let texts = |max| -> Vec<String> {
            ticks_from_zero(max)
                .into_iter()
                .map(|(_, text)| text)
                .collect()
        };
        assert_eq!(texts(9.0), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(texts(0.0).first().map(String::as_str), Some("0"));
        assert_eq!(texts(60_000.0), ["0", "20k", "40k", "60k"]);
    }

    #[test]
    fn lines_stay_inside_and_names_are_escaped() {
        let plot = Plot {
            x_label: "seconds",
            y_label: "a < b",
            x_ticks: ticks_from_zero(10.0),
            y_ticks: ticks_from_zero(10.0),
            lines: vec![Line {
                name: "<script>".into(),
                points: vec![(0.0, 0.0), (10.0, 99.0)],
            }],
        };
        let html = plot.html();
        assert!(html.contains("70.0,276.0 844.0,12.0"), "{html}");
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"));
    }
}
