//! SPEC text: `FAULT@TRIGGER[,CONDITION...]`.

use super::form::{All, Form, ItemForm, WhenForm, whole};
use super::spec::FaultSpec;
use bytesize::ByteSize;
use pipelines::message::Failure;
use std::str::FromStr;

impl FromStr for FaultSpec {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        parse(text).map_err(|why| {
            let example = "for example abort@p=1%, shutdown@item=120 or hang@rate=0.2/s";
            Failure::input(format!("fault {text:?}: {why}; {example}"))
        })
    }
}

fn parse(text: &str) -> Result<FaultSpec, String> {
    let (name, rest) = text.split_once('@').ok_or("it does not say when, after an @")?;
    let fault = name.parse()?;
    let mut when = WhenForm::default();
    for part in rest.split(',') {
        when.add(part)?;
    }
    Form { fault, attempts: None, when }.try_into()
}

impl WhenForm {
    /// Takes one `KEY=VALUE` (or `KEY<VALUE`, `KEY>VALUE`) in.
    fn add(&mut self, part: &str) -> Result<(), String> {
        let wrong = || format!("{part:?} is not KEY=VALUE");
        let at = part.find(['=', '<', '>']).ok_or_else(wrong)?;
        let (key, value) = (&part[..at], &part[at + 1..]);
        let twice = match (key, &part[at..=at]) {
            ("item", "=") => self.item.replace(ItemForm::Many(value.into())).is_some(),
            ("tile", "=") => self.tile.replace(value.into()).is_some(),
            ("p", "=") => self.p.replace(share(value)?).is_some(),
            ("at", "=") => self.at_ms.replace(milliseconds(value)?).is_some(),
            ("every", "=") => {
                let (period, jitter) = period(value)?;
                self.jitter = jitter;
                self.every_ms.replace(period).is_some()
            }
            ("rate", "=") => self.rate_per_s.replace(rate(value)?).is_some(),
            ("point", "=") => self.point.replace(value.parse()?).is_some(),
            ("attempts", "=") if value == "all" => self.attempts.replace(All::All).is_some(),
            ("attempts", "<") => self.attempts_below.replace(whole(value)?).is_some(),
            ("attempt", "=") => self.attempt.replace(whole(value)?).is_some(),
            ("lane", "=") => self.lane.replace(whole(value)?).is_some(),
            ("bytes", ">") => self.above_bytes.replace(bytes(value)?).is_some(),
            ("when", "=") if value == "recovering" => std::mem::replace(&mut self.recovering, true),
            ("after-restart", "=") => self.after_restart.replace(whole(value)?).is_some(),
            _ => {
                return Err(format!(
                    "{part:?} is no trigger (item=, tile=, p=, at=, every=, rate=, point=) and no condition \
                     (attempts=all, attempts<N, attempt=N, lane=N, bytes>N, when=recovering, after-restart=N)"
                ));
            }
        };
        if twice { Err(format!("{key} is given twice")) } else { Ok(()) }
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

/// `1%` or `0.01`.
fn share(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%') {
        Some(percent) => Ok(number(percent)? / 100.0),
        None => number(text),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    number(text.strip_suffix("/s").ok_or(format!("the rate {text:?} must end in /s"))?)
}

/// `5s` or `5s±30%`; whose keyboard has no ± writes `5s+-30%`.
fn period(text: &str) -> Result<(u64, Option<f64>), String> {
    match text.split_once('±').or_else(|| text.split_once("+-")) {
        Some((period, jitter)) => Ok((milliseconds(period)?, Some(share(jitter)?))),
        None => Ok((milliseconds(text)?, None)),
    }
}

/// `1000`, `1M` or `1MiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = |_| format!("{text:?} is no number of bytes; write it like 1M or 512KiB");
    text.parse::<ByteSize>().map(|size| size.as_u64()).map_err(wrong)
}

fn milliseconds(text: &str) -> Result<u64, String> {
    if let Some(ms) = text.strip_suffix("ms") {
        return whole(ms);
    }
    let seconds = text.strip_suffix('s').ok_or(format!("the time {text:?} must end in ms or s"))?;
    let ms = number(seconds)? * 1000.0;
    if !(0.0..=1e15).contains(&ms) || (ms - ms.round()).abs() > 1e-6 {
        return Err(format!("the time {text:?} is not a whole number of milliseconds from 0"));
    }
    Ok(ms.round() as u64)
}
