//! Prometheus' text form, version 0.0.4.

use super::cells::Histogram;
use std::fmt::Write;

/// What a family of samples is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    Counter,
    Gauge,
    Histogram,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Text that grows sample by sample; samples belong to the family begun last.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    family: &'static str,
}

impl Text {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, kind: Type, help: &str) {
        self.family = name;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.name()));
    }

    /// One sample of a counter or gauge.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        let labels = braces(labels, None);
        let family = self.family;
        self.line(format_args!("{family}{labels} {value}\n"));
    }

    /// All samples of a histogram.
    pub(super) fn histogram(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        let (family, mut count) = (self.family, 0);
        for (bound, total) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |b| b.to_string());
            let labels = braces(labels, Some(&bound));
            self.line(format_args!("{family}_bucket{labels} {total}\n"));
            count = total;
        }
        let labels = braces(labels, None);
        self.line(format_args!("{family}_sum{labels} {}\n{family}_count{labels} {count}\n", histogram.sum()));
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // writing to a string does not fail
        let _ = self.out.write_fmt(line);
    }
}

fn braces(labels: &[(&str, &str)], bound: Option<&str>) -> String {
    let all: Vec<String> = labels
        .iter()
        .copied()
        .chain(bound.map(|b| ("le", b)))
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}
