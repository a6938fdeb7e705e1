/// `http://127.0.0.1:PORT…`, `http://localhost:PORT…` or `http://[::1]:PORT…`: the host must end there.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    !authority.contains('@') && matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}
