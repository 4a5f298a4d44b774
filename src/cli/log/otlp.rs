//! Spans to an OpenTelemetry collector, over HTTP as protobuf, where the standard variables
//! (`OTEL_EXPORTER_OTLP_ENDPOINT`, `…_TRACES_ENDPOINT`, `…_HEADERS`, `OTEL_SERVICE_NAME`, …) name one.

use std::env;

use anyhow::Context;
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{self, Runtime};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::registry::LookupSpan;

/// The variables that name a collector.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// `None` where no collector is named, or nothing is to be sent.
    pub(super) fn from_env() -> anyhow::Result<Option<Exporter>> {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let says = |name: &str, word: &str| env::var(name).is_ok_and(|said| said.trim() == word);
        if !ENDPOINTS.iter().any(|name| set(name))
            || says("OTEL_SDK_DISABLED", "true")
            || says("OTEL_TRACES_EXPORTER", "none")
        {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .build()
            .context("the variables OTEL_EXPORTER_OTLP_… cannot be used")?;
        let mut resource = Resource::builder();
        if !set("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name("errand");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Exporter(provider)))
    }

    /// Takes in every span of the level `info` and above, whatever is logged.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("errand"))
            .with_location(false)
            .with_threads(false)
            .with_filter(LevelFilter::INFO)
    }

    /// Sends what is left.
    pub(super) fn finish(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!("spans could not be sent: {error}");
        }
    }
}

/// The batch processor has a thread without a runtime, so requests are sent on one of their own.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Runtime,
}

impl Client {
    fn new() -> anyhow::Result<Client> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("errand-otlp")
            .enable_all()
            .build()?;
        Ok(Client { client: http_client::builder().build()?, runtime })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = async move {
            let response = client.execute(request.try_into()?).await?;
            let status = response.status();
            let mut answer = Response::new(response.bytes().await?);
            *answer.status_mut() = status;
            Ok::<_, reqwest::Error>(answer)
        };
        Ok(self.runtime.spawn(sent).await?.map_err(|error| http_client::reason(&error))?)
    }
}
