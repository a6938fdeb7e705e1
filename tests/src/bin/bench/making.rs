//! What it costs to make the clients of one invocation, measured in this process: they are made anew for every event.

use std::time::Duration;

use gamma_cloud::{Secrets, aws};
use gamma_http::{HttpClient, HttpConfig};
use gamma_tests::moto::Moto;

use crate::figure::Figure;
use crate::now;
use crate::world::Fallible;

pub(crate) async fn figures(moto: &Moto, times: usize) -> Fallible<Vec<Figure>> {
    let (mut http, mut config, mut client) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        let began = now();
        let _http = HttpClient::new(&HttpConfig::default())?;
        http.push(milliseconds(began.elapsed()));
        let began = now();
        let aws = aws::load_for(&moto.url()).await;
        config.push(milliseconds(began.elapsed()));
        let began = now();
        let _client = Secrets::new(&aws);
        client.push(milliseconds(began.elapsed()));
    }
    Ok(vec![
        Figure::new("making an HTTP client (TLS roots read)", "ms", http),
        Figure::new("making the AWS configuration", "ms", config),
        Figure::new("making one AWS client of it", "ms", client),
    ])
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
