//! The service that is asked over HTTP: reads the event and says yes.

use std::net::Ipv4Addr;

use actix_web::{App, HttpResponse, HttpServer, rt, web};
use anyhow::{Context, Result};

/// Serves until it is ended. One thread: it has nothing to do but to answer.
pub(crate) fn serve(port: u16) -> Result<()> {
    let server = HttpServer::new(|| App::new().default_service(web::to(answer)))
        .workers(1)
        .bind((Ipv4Addr::LOCALHOST, port))
        .context("cannot listen")?;
    let served = rt::System::new().block_on(server.run());
    served.context("cannot serve")
}

async fn answer(event: web::Bytes) -> HttpResponse {
    if event.is_empty() {
        return HttpResponse::BadRequest().finish();
    }
    HttpResponse::Ok().finish()
}
