//! The time of the engine's paths: `cargo bench -p ssekit-core --bench time`. Criterion keeps what it has measured and
//! compares; `-- --save-baseline NAME` and `-- --baseline NAME` keep one by name.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench fails by panicking")]

#[cfg(unix)]
mod scenarios;

#[cfg(unix)]
fn scenarios(criterion: &mut criterion::Criterion) {
    for name in scenarios::NAMES {
        let mut scenario = scenarios::scenario(name).unwrap();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let start = std::time::Instant::now();
                scenario(times as usize);
                start.elapsed()
            });
        });
    }
}

#[cfg(not(unix))]
fn scenarios(_criterion: &mut criterion::Criterion) {}

criterion::criterion_group!(benches, scenarios);
criterion::criterion_main!(benches);
