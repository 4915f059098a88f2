//! Pictures from the web, downloaded once into a folder of the job.

use super::names;
use crate::message::Failure;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::{Agent, Body, http::Response};

/// The most bytes one download may have.
pub const DOWNLOAD_BYTES_MAX: u64 = 8 << 30;

/// How long connecting may take, and how long the server may be silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much is passed on at once, in bytes.
const COPY_BYTES: usize = 1 << 16;

/// True for what is fetched rather than opened.
pub(super) fn is_address(input: &str) -> bool {
    let scheme = |name: &str| input.get(..name.len()).is_some_and(|s| s.eq_ignore_ascii_case(name));
    scheme("http://") || scheme("https://")
}

/// Downloads `address` into `scratch` and returns the file and a stem for the scene's name. `number`
/// keeps the files of equal addresses apart.
pub(super) fn download(
    address: &str,
    scratch: &Path,
    number: usize,
) -> Result<(PathBuf, String), Failure> {
    let mut response = ask(address)?;
    let announced = response.body().content_length();
    if announced.is_some_and(|bytes| bytes > DOWNLOAD_BYTES_MAX) {
        return Err(too_large(address));
    }
    let stem = names::safe(&last_segment(address));
    let path = scratch.join(format!("{number}-{stem}.download"));
    let refuse = |e: io::Error| {
        Failure::output(format!("the download {} cannot be written: {e}", path.display()))
    };
    std::fs::create_dir_all(scratch).map_err(refuse)?;
    let mut file = File::create(&path).map_err(refuse)?;
    let mut from = response.body_mut().with_config().limit(u64::MAX).reader();
    let (mut got, mut piece) = (0, vec![0; COPY_BYTES]);
    loop {
        let bytes = from.read(&mut piece).map_err(|e| cut_short(address, got, &e))?;
        if bytes == 0 {
            break;
        }
        got += bytes as u64;
        if got > DOWNLOAD_BYTES_MAX {
            return Err(too_large(address));
        }
        file.write_all(&piece[..bytes]).map_err(refuse)?;
    }
    match announced {
        Some(bytes) if bytes != got => Err(cut_short(address, got, &"the connection was closed")),
        _ => Ok((path, stem)),
    }
}

/// Sends the request and gives a response that promises the picture.
fn ask(address: &str) -> Result<Response<Body>, Failure> {
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(SILENCE_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into();
    let response = agent.get(address).call().map_err(|e| {
        Failure::input(format!(
            "{address} cannot be fetched ({e}): check the address and the network"
        ))
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let words = status.canonical_reason().unwrap_or("a status without a name").to_lowercase();
    Err(Failure::input(format!(
        "{address} cannot be fetched: the server answered {} ({words}); check the address",
        status.as_u16()
    )))
}

fn too_large(address: &str) -> Failure {
    Failure::input(format!(
        "{address} is larger than the {} GiB that are fetched at most: download it yourself and name \
         the file",
        DOWNLOAD_BYTES_MAX >> 30
    ))
}

fn cut_short(address: &str, got: u64, why: &dyn std::fmt::Display) -> Failure {
    Failure::input(format!("{address} ended after {got} bytes ({why}): try again"))
}

/// What an address calls its picture: the last part of its path, decoded, without its extension.
fn last_segment(address: &str) -> String {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let segment = path.split_once('/').map_or("", |(_, path)| path);
    let segment = decoded(segment.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    match segment.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => segment,
    }
}

/// Replaces each `%XX`; what is no valid escape stays as it is.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let hex = |b: u8| char::from(b).to_digit(16).map(|digit| digit as u8);
        let escape = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escape {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_give_stems() {
        for (address, stem) in [
            ("http://host/scene.tif", "scene"),
            ("https://host:8/a/b/My%20Scene.v2.png?x=1.tif#top", "My Scene.v2"),
            ("http://host/a%2Fb%00.tif", "a/b\0"),
            ("http://host/folder/", "folder"),
            ("http://host", ""),
            ("http://host/.png", ".png"),
            ("http://host/100%.png", "100%"),
            ("http://host/%zz%4", "%zz%4"),
        ] {
            assert_eq!(last_segment(address), stem, "{address}");
        }
        assert!(is_address("HTTPS://host/x") && !is_address("http") && !is_address("httpx://"));
    }
}
