//! Addresses, against a server in this process.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

/// Answers one request with `answer` and gives the address to ask for `file`.
fn serve(answer: Vec<u8>, file: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/folder/{file}?key=1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = BufReader::new(stream.try_clone().unwrap());
        // The request ends with an empty line; a client that hangs up early is fine too.
        let _ = request.lines().map_while(Result::ok).find(String::is_empty);
        let _ = stream.write_all(&answer);
    });
    address
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn fetch(answer: Vec<u8>, file: &str, scratch: &Path) -> Result<Layout, Failure> {
    probe(&[serve(answer, file)], Split::Tiles(16), 0, scratch)
}

#[test]
fn a_picture_is_fetched_and_named_after_its_address() {
    let (dir, path) = folder();
    let picture = Picture::new(30, 20, PixelFormat::RGB8);
    make::png(&picture, &path);
    let body = std::fs::read(&path).unwrap();
    let scratch = dir.path().join("new");
    let layout = fetch(answer("200 OK", body.len(), &body), "My%20Sc%2Fene.png", &scratch).unwrap();
    assert_eq!(layout.scenes[0].name, "My Sc_ene");
    let Origin::File(file) = &layout.scenes[0].origin else { panic!("not a file") };
    assert_eq!(std::fs::read(file).unwrap(), body);
    check(file, &picture);
}

#[test]
fn what_a_server_does_wrong_is_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |answer| fetch(answer, "a.png", dir.path()).unwrap_err().what;
    assert!(ask(answer("404 Not Found", 0, b"")).contains("404 (not found)"));
    assert!(ask(answer("503 Busy", 0, b"")).contains("503 (service unavailable)"));
    assert!(ask(answer("200 OK", 1 << 50, b"x")).contains("GiB"));
    assert!(ask(answer("200 OK", 100, b"short")).contains("ended after"));
    assert!(ask(answer("200 OK", 5, b"hello")).contains("is text"));
    assert!(ask(b"nonsense".to_vec()).contains("cannot be fetched"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = probe(&[format!("http://{nobody}/a.png")], Split::Tiles(9), 0, dir.path());
    assert!(refused.unwrap_err().what.contains("cannot be fetched"));
}
