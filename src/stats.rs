//! Counters and gauges; see `SSEStats` in index.d.ts.

use napi::Env;
use napi::bindgen_prelude::{Either, Null, Object};
use napi_derive::napi;
use ssekit_core::metrics::{Metric, Reading};

use crate::hub;

/// Counters and gauges of this moment.
#[napi(catch_unwind)]
pub fn stats(env: &Env) -> napi::Result<Object<'_>> {
    let (current, mut stats) = (hub::stats(), Object::new(env)?);
    for Metric { stat, value, .. } in current.table() {
        match stat.map(|name| name.split_once('.').unwrap_or(("", name))) {
            None => {}
            Some(("", name)) => set(env, &mut stats, name, value)?,
            Some((group, name)) => set(env, &mut group_of(env, &mut stats, group)?, name, value)?,
        }
    }
    if current.cluster.is_some() {
        let dir = hub::data_dir().map(|dir| dir.to_string_lossy().into_owned());
        group_of(env, &mut stats, "cluster")?.set("dir", dir.map_or(Either::B(Null), Either::A))?;
    }
    Ok(stats)
}

/// The same in Prometheus' text format.
#[napi(catch_unwind)]
pub fn metrics() -> String {
    hub::stats().metrics()
}

fn group_of<'a>(env: &'a Env, stats: &mut Object<'a>, name: &str) -> napi::Result<Object<'a>> {
    if let Some(group) = stats.get(name)? {
        return Ok(group);
    }
    let group = Object::new(env)?;
    stats.set(name, group)?;
    Ok(group)
}

/// Counts beyond 2^53 would lose their last digit in JavaScript; at a million a second that takes 285 years.
fn set(env: &Env, object: &mut Object<'_>, name: &str, value: Reading) -> napi::Result<()> {
    match value {
        Reading::Count(count) => object.set(name, count as f64),
        Reading::Time(time) => object.set(name, time.as_millis() as f64),
        Reading::Text(text) => object.set(name, text),
        Reading::Counts { counts, .. } => {
            let mut by = Object::new(env)?;
            counts.into_iter().try_for_each(|(label, count)| by.set(label, count as f64))?;
            object.set(name, by)
        }
        Reading::Histogram { .. } | Reading::Null => object.set(name, Null),
    }
}
