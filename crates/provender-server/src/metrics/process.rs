//! What the process uses, from Linux' /proc; elsewhere nothing is told.

use super::text::{Text, Type};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Ticks a second in /proc/PID/stat: part of the kernel's interface, the same on every machine that this builds for.
const TICKS: f64 = 100.0;

/// Remembers the processor time of the last look, for the share since then.
#[derive(Debug)]
pub(super) struct Process(Mutex<(Instant, f64)>);

impl Process {
    pub(super) fn new() -> Self {
        Self(Mutex::new((Instant::now(), cpu_seconds().unwrap_or_default())))
    }

    pub(super) fn render(&self, text: &mut Text) {
        let pid = std::process::id().to_string();
        if let Some(seconds) = cpu_seconds() {
            text.family(
                "feast_feature_server_cpu_usage",
                Type::Gauge,
                "Share of one processor since the last look, in percent",
            );
            text.sample(&[("pid", &pid)], self.share(seconds));
            text.family("process_cpu_seconds_total", Type::Counter, "Processor time used");
            text.sample(&[], seconds);
        }
        if let Some(resident) = kilobytes("/proc/self/status", "VmRSS:") {
            if let Some(total) = kilobytes("/proc/meminfo", "MemTotal:") {
                text.family(
                    "feast_feature_server_memory_usage",
                    Type::Gauge,
                    "Share of the machine's memory, in percent",
                );
                text.sample(&[("pid", &pid)], 100.0 * resident / total.max(1.0));
            }
            text.family("process_resident_memory_bytes", Type::Gauge, "Memory in use");
            text.sample(&[], resident * 1024.0);
        }
    }

    fn share(&self, seconds: f64) -> f64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, used) = std::mem::replace(&mut *last, (Instant::now(), seconds));
        100.0 * (seconds - used).max(0.0) / before.elapsed().as_secs_f64().max(0.001)
    }
}

/// User and system time: fields 14 and 15 of the stat line, counted after the name in parentheses.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks = |field: Option<&str>| field?.parse::<f64>().ok();
    Some((ticks(fields.next())? + ticks(fields.next())?) / TICKS)
}

fn kilobytes(path: &str, field: &str) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
