//! A report as one page that needs nothing else.

use super::plot::{Line, Plot, Tick, escape, ticks_from_zero};
use super::{Report, Spread};
use crate::record::Second;

const STYLE: &str = include_str!("style.css");

/// One of the figures of a second.
type Value = fn(&Second) -> u64;

impl Report {
    /// The report as an HTML page.
    pub fn html(&self) -> String {
        let title = escape(&format!(
            "{} at {}",
            self.setting.mix_name(),
            self.setting.targets.join(" ")
        ));
        let (table, audit) = (escape(&self.table()), self.audit_html());
        let latency = self.latency_plot().html();
        let rate = self.rate_plot().html();
        let slowest = self.slowest_plot().html();
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>{title}</title><style>{STYLE}</style></head><body><main>\
             <h1>{title}</h1><pre>{table}</pre>{audit}\
             <h2>Latency by percentile</h2>{latency}\
             <h2>Throughput over time</h2>{rate}\
             <h2>The slowest answer of each second</h2>{slowest}\
             </main></body></html>\n"
        )
    }

    fn audit_html(&self) -> String {
        let Some(audit) = &self.audit else {
            return String::new();
        };
        let class = if audit.findings.count == 0 {
            "good"
        } else {
            "bad"
        };
        format!("<pre class=\"{class}\">{}</pre>", escape(&audit.table()))
    }

    fn latency_plot(&self) -> Plot {
        let with_answers = self.steps.iter().filter(|step| step.latency.count > 0);
        let lines: Vec<_> = with_answers
            .map(|step| Line {
                name: step.step.to_owned(),
                points: curve(&step.latency),
            })
            .collect();
        let all = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
        let (low, high) = all.fold((f64::MAX, f64::MIN), |(low, high), y| {
            (low.min(y), high.max(y))
        });
        let quantiles = [
            (0.0, "0"),
            (0.5, "50"),
            (0.9, "90"),
            (0.99, "99"),
            (0.999, "99.9"),
            (0.9999, "99.99"),
        ];
        let mut x_ticks: Vec<Tick> = quantiles
            .map(|(quantile, text)| (nines(quantile), text.to_owned()))
            .into();
        x_ticks.push((LAST_NINES, "100".into()));
        Plot {
            x_label: "percentile",
            y_label: "milliseconds",
            x_ticks,
            y_ticks: powers_of_ten(low, high),
            lines,
        }
    }

    fn rate_plot(&self) -> Plot {
        let journeys = format!("{}/s", self.setting.mix.journeys());
        let all: [(&str, Value); 4] = [
            ("requests/s", |second| second.requests),
            (&journeys, |second| second.journeys),
            ("shed/s", |second| second.shed),
            ("failed/s", |second| second.failed),
        ];
        let is_seen =
            |(_, value): &(&str, Value)| self.seconds.iter().any(|second| value(second) > 0);
        let lines = all.into_iter().filter(is_seen);
        let lines =
            lines.map(|(name, value)| self.line_over_time(name, |second| value(second) as f64));
        self.plot_over_time("a second", lines.collect())
    }

    fn slowest_plot(&self) -> Plot {
        let slowest = |second: &Second| second.latency_max_us as f64 / 1e3;
        let line = self.line_over_time("slowest accepted answer", slowest);
        self.plot_over_time("milliseconds", vec![line])
    }

    fn line_over_time(&self, name: &str, value: impl Fn(&Second) -> f64) -> Line {
        let points = self.seconds.iter().enumerate();
        let points = points.map(|(at, second)| (at as f64 + 0.5, value(second)));
        Line {
            name: name.to_owned(),
            points: points.collect(),
        }
    }

    fn plot_over_time(&self, y_label: &'static str, lines: Vec<Line>) -> Plot {
        let values = lines.iter().flat_map(|line| &line.points).map(|(_, y)| *y);
        Plot {
            x_label: "seconds",
            y_label,
            x_ticks: ticks_from_zero(self.seconds.len() as f64),
            y_ticks: ticks_from_zero(values.fold(0.0, f64::max)),
            lines,
        }
    }
}

/// Where the plot of percentiles ends.
const LAST_NINES: f64 = 5.0;

/// How many nines a quantile has: 0.9 has one, 0.99 two.
fn nines(quantile: f64) -> f64 {
    if quantile >= 1.0 {
        return LAST_NINES;
    }
    -(1.0 - quantile).log10()
}

/// The curve of latencies in logarithms: nines across, powers of ten of milliseconds upwards.
fn curve(latency: &Spread) -> Vec<(f64, f64)> {
    let point = |(quantile, us): &(f64, f64)| (nines(*quantile), (us.max(1.0) / 1e3).log10());
    latency.curve.iter().map(point).collect()
}

fn powers_of_ten(low: f64, high: f64) -> Vec<Tick> {
    if low > high {
        return vec![(0.0, "1".into()), (1.0, "10".into())];
    }
    let (first, last) = (
        low.floor() as i32,
        (high.ceil() as i32).max(low.floor() as i32 + 1),
    );
    let tick = |power: i32| {
        let millis = 10_f64.powi(power);
        (f64::from(power), format!("{millis}"))
    };
    (first..=last).map(tick).collect()
}
