//! What is asked where.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{Service as _, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{App, Error, HttpResponse, Resource, guard as on, web};
use serde::Serialize;

use super::problem::Problem;
use super::{Seen, guard, metrics, view};
use crate::plugins::{Control, Order, OrderError, Standing};

/// The description of the interface, which `tests/suite/admin.rs` holds against it.
const OPENAPI: &str = include_str!("openapi.json");

type Shared = web::Data<Seen>;

/// The interface.
pub(super) fn app(
    seen: Arc<Seen>,
    names: Arc<[String]>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(web::Data::from(seen))
        .service(get("/metrics", web::to(all_metrics)))
        .service(get("/plugins", web::to(plugins)))
        .service(get("/plugins/{name}", web::to(plugin)))
        .service(post("/plugins/{name}/reload", web::to(reload)))
        .service(post("/plugins/{name}/disable", web::to(disable)))
        .service(post("/plugins/{name}/enable", web::to(enable)))
        .service(get("/outbox", web::to(outbox)))
        .service(get("/openapi.json", web::to(openapi)))
        .default_service(web::to(|| async {
            Err::<HttpResponse, _>(Problem::NoSuchPath)
        }))
        .wrap_fn(move |request, service| {
            let allowed = guard::check(request.headers(), &names);
            let answer = allowed.is_ok().then(|| service.call(request));
            async move {
                let mut response = match answer {
                    Some(answer) => answer.await?,
                    None => return Err(allowed.err().unwrap_or(Problem::Internal).into()),
                };
                let no_store = HeaderValue::from_static("no-store");
                response.headers_mut().insert(CACHE_CONTROL, no_store);
                Ok(response)
            }
        })
}

fn get(path: &str, answer: actix_web::Route) -> Resource {
    let reads = on::Any(on::Get()).or(on::Head());
    only(path, answer.guard(reads), "GET, HEAD")
}

fn post(path: &str, answer: actix_web::Route) -> Resource {
    only(path, answer.guard(on::Post()), "POST")
}

fn only(path: &str, answer: actix_web::Route, allowed: &'static str) -> Resource {
    let other = move || async move { Err::<HttpResponse, _>(Problem::NotAllowed(allowed)) };
    web::resource(path)
        .route(answer)
        .default_service(web::to(other))
}

fn json(value: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

async fn all_metrics(seen: Shared) -> Result<HttpResponse, Problem> {
    match metrics::text(seen.into_inner()) {
        Ok(text) => Ok(HttpResponse::Ok()
            .content_type(metrics::CONTENT_TYPE)
            .body(text)),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            Err(Problem::Internal)
        }
    }
}

async fn openapi() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(OPENAPI)
}

async fn outbox(seen: Shared) -> HttpResponse {
    json(&view::outbox(seen.hooks().outbox()))
}

async fn plugins(seen: Shared) -> HttpResponse {
    let current = seen.hooks().registry().current();
    json(&view::plugins(current.standings()))
}

async fn plugin(seen: Shared, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let current = seen.hooks().registry().current();
    let mut standings = current.standings().iter();
    match standings.find(|standing| *standing.name == **name) {
        Some(standing) => Ok(json(&view::plugin(standing))),
        None => Err(Problem::NoSuchPlugin(name.into_inner())),
    }
}

async fn reload(seen: Shared, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let standing = order(&seen, &name, Order::Reload).await?;
    match &standing.refused {
        Some(why) => Err(Problem::NotLoaded(why.to_string())),
        None => Ok(json(&view::plugin(&standing))),
    }
}

async fn disable(seen: Shared, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let standing = order(&seen, &name, Order::Disable).await?;
    Ok(json(&view::plugin(&standing)))
}

async fn enable(seen: Shared, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let standing = order(&seen, &name, Order::Enable).await?;
    Ok(json(&view::plugin(&standing)))
}

async fn order(seen: &Seen, plugin: &str, order: Order) -> Result<Standing, Problem> {
    let carried_out = match &seen.control {
        Some(control) => Control::order(control, plugin, order).await,
        None => Err(OrderError::Unknown),
    };
    carried_out.map_err(|error| Problem::of_order(&error, plugin))
}
