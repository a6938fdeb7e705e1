//! The little HTTP that the stand-ins between client and service need: one request, one answer, one
//! connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Serves `answer` on a free loopback port until the test binary ends: it is given each whole request and
/// returns the whole answer, or `None` to hang up without one. One request at a time. Returns the endpoint.
pub(crate) fn serve(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(request) = read_request(&stream) else { continue };
            if let Some(answer) = answer(&request) {
                // The client may be gone; then nobody reads it.
                let _ = (&stream).write_all(&answer);
            }
        }
    });
    endpoint
}

fn read_request(stream: &TcpStream) -> Option<Vec<u8>> {
    // A connection opened and not used must not hold up the others.
    stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut request = Vec::new();
    let mut length = 0;
    loop {
        let start = request.len();
        if reader.read_until(b'\n', &mut request).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&request[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let head = request.len();
    request.resize(head + length, 0);
    reader.read_exact(&mut request[head..]).ok()?;
    Some(request)
}

/// A whole answer that ends its connection.
#[allow(dead_code, reason = "each test binary uses its own part of the wire")]
pub(crate) fn json(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

/// Passes a request on to `upstream` and gives its whole answer.
#[allow(dead_code, reason = "each test binary uses its own part of the wire")]
pub(crate) fn forward(upstream: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(upstream.trim_start_matches("http://")).expect("the service is up");
    stream.write_all(request).expect("the service reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the service answers and hangs up");
    answer
}
