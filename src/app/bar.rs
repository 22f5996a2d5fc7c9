//! The bar on the terminal while reading takes its time.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Progress;
use crate::read::Meter;
use crate::text::visible;

/// Work that takes no longer than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const TEMPLATE: &str = "{bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left  {wide_msg}";

/// Does the work, with a bar on stderr if that is a terminal.
pub(super) fn show<T>(progress: Progress, total: u64, meter: &Meter, work: impl FnOnce() -> T) -> T {
    if progress == Progress::Never || !std::io::stderr().is_terminal() {
        meter.hidden.store(true, Ordering::Relaxed);
        return work();
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let drawer = scope.spawn(|| draw(total, meter, &done));
        let result = work();
        done.store(true, Ordering::Relaxed);
        drawer.thread().unpark();
        drop(drawer.join());
        result
    })
}

fn draw(total: u64, meter: &Meter, done: &AtomicBool) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        std::thread::park_timeout(PATIENCE.saturating_sub(begun.elapsed()));
        if done.load(Ordering::Relaxed) {
            return;
        }
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style);
    }
    while !done.load(Ordering::Relaxed) {
        bar.set_position(meter.bytes.load(Ordering::Relaxed).min(total));
        let file = meter.file.lock().map(|f| f.clone()).unwrap_or_default();
        let again = match meter.reading.load(Ordering::Relaxed) {
            0 | 1 => String::new(),
            n => format!("(reading {n}: some lines were out of order) "),
        };
        bar.set_message(format!("{again}{}", visible(file.as_bytes())));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}
