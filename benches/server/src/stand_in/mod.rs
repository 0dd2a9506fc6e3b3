//! A server made of the library of rustus that decides about new uploads in
//! another way: the same HTTP library, protocol and store, and where rustus asks
//! a plugin, a process is started, or a service is asked over HTTP, or nobody.
//! The last shows that it costs what rustus costs.

mod decide;
mod event;
mod service;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, rt, web};
use anyhow::{Context, Result};
use futures_util::StreamExt as _;
use rustus::hooks::{EventSet, Hooks};
use rustus::plugins::Registry;
use rustus::store::{DirStructure, Durability, FileStore, FileStoreConfig};
use rustus::tus::{ExtensionSet, Headers, Method, Request, Response, ResponseBody, Tus, TusConfig};
use rustus::uploads::{BodyError, Uploads, UploadsConfig};

use decide::Way;

pub(crate) use service::serve as serve_hooks;

/// How it is decided about a new upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Decider {
    /// Nobody is asked.
    None,
    /// `sh -c 'exit 0'` with the event as an argument.
    Command,
    /// A POST with the event as its body, over kept connections.
    Http,
}

impl Decider {
    /// As it stands on the command line.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Command => "command",
            Self::Http => "http",
        }
    }
}

/// The flags of the stand-in.
#[derive(Debug, clap::Args)]
pub(crate) struct StandIn {
    /// The port to listen on
    #[arg(long)]
    port: u16,
    /// How to decide
    #[arg(long, value_enum)]
    decider: Decider,
    /// The service to ask
    #[arg(long, default_value = "", value_name = "URL")]
    service: String,
    /// Where uploads are kept
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

/// One for all threads.
struct Shared {
    tus: Tus,
    decider: Decider,
    service: String,
}

impl StandIn {
    /// Serves until it is ended.
    pub(crate) fn serve(self) -> Result<()> {
        let shared = web::Data::new(Shared {
            tus: self.tus()?,
            decider: self.decider,
            service: self.service,
        });
        let server = HttpServer::new(move || {
            let way = Way::new(shared.decider, &shared.service);
            App::new()
                .app_data(shared.clone())
                .app_data(web::Data::new(way))
                .default_service(web::to(handle))
        })
        .bind((Ipv4Addr::LOCALHOST, self.port))
        .context("cannot listen")?;
        let served = rt::System::new().block_on(server.run());
        served.context("cannot serve")
    }

    fn tus(&self) -> Result<Tus> {
        let store = FileStore::open(FileStoreConfig {
            data_dir: self.data_dir.clone(),
            info_dir: self.data_dir.clone(),
            dir_structure: DirStructure::default(),
            durability: Durability::None,
        })?;
        let nobody = Arc::new(Registry::default());
        let hooks = Hooks::new(nobody, EventSet::ALL, EventSet::EMPTY, None)?;
        let uploads = Uploads::new(Arc::new(store), Arc::new(hooks), UploadsConfig::default());
        let config = TusConfig {
            base_url: "/files".parse()?,
            max_body_size: None,
            extensions: ExtensionSet::ALL,
        };
        Ok(Tus::new(Arc::new(uploads), config))
    }
}

/// What rustus does with a request, but for the question.
async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    way: web::Data<Way>,
) -> HttpResponse {
    let Some(request) = to_protocol(&request, &shared.tus) else {
        return HttpResponse::NotFound().finish();
    };
    let task = rt::spawn(async move {
        if request.method == Method::Post
            && let Err(error) = way.decide(&request).await
        {
            return HttpResponse::ServiceUnavailable().body(format!("{error:#}"));
        }
        let body = payload.map(|chunk| chunk.map_err(|_| BodyError::Disconnected));
        into_http(shared.tus.handle(&request, body).await)
    });
    match task.await {
        Ok(response) => response,
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn to_protocol(request: &HttpRequest, tus: &Tus) -> Option<Request> {
    let target = tus.base_url().target(request.path())?;
    let headers: Headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
        .collect();
    Some(Request::new(
        request.method().as_str(),
        target,
        request.uri().to_string(),
        request.peer_addr().map(|address| address.ip()),
        headers,
    ))
}

fn into_http(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut http = HttpResponse::build(status);
    for (name, value) in &response.headers {
        http.append_header((name.as_ref(), value.as_str()));
    }
    match response.body {
        ResponseBody::Text(text) => http.body(text),
        // Nobody reads an upload here.
        ResponseBody::Empty | ResponseBody::Withheld(_) | ResponseBody::Content { .. } => {
            http.finish()
        }
    }
}
