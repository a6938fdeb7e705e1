/// Begins the log: a line of JSON for each event, as loud as `GAMMA_LOG` says.
pub fn start_log() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("GAMMA_LOG")
                .unwrap_or_else(|_| "info,aws_config=warn,hyper=warn".into()),
        )
        .init();
}
