//! The pages behind the `type` of a problem: `/problems/{code}`, and `/problems` which lists them.

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use crate::http::ROUTE_NOT_FOUND;
use crate::{About, Rejection};

/// The problems this process can answer with. Give it to the app as `web::Data`.
#[derive(Debug)]
pub struct ProblemPages(Vec<&'static About>);

impl ProblemPages {
    /// Collects the lists of all modules; a code that several share stands once.
    pub fn new(lists: impl IntoIterator<Item = &'static [&'static About]>) -> Self {
        let mut all: Vec<_> = lists.into_iter().flatten().copied().collect();
        all.sort_by_key(|about| about.code);
        all.dedup_by_key(|about| about.code);
        Self(all)
    }
}

/// Lists every problem.
#[get("/problems")]
pub async fn list_problems(pages: Data<ProblemPages>) -> HttpResponse {
    let rows = pages.0.iter().fold(String::new(), |rows, about| {
        let (code, title) = (about.code, about.title);
        rows + &format!("<li><a href=\"/problems/{code}\"><code>{code}</code></a> {title}</li>\n")
    });
    html("Problems", &format!("<ul>\n{rows}</ul>"))
}

/// Explains one problem.
#[get("/problems/{code}")]
pub async fn explain_problem(
    pages: Data<ProblemPages>,
    code: Path<String>,
) -> Result<HttpResponse, Rejection> {
    let Some(about) = pages.0.iter().find(|about| about.code == code.as_str()) else {
        return Err(Rejection::new(&ROUTE_NOT_FOUND, "There is no problem of this name."));
    };
    let body = format!(
        "<p>Status {}, code <code>{}</code>.</p>\n<p>{}</p>\n<p><a href=\"/problems\">All problems</a></p>",
        about.kind.status(),
        about.code,
        about.explanation
    );
    Ok(html(about.title, &body))
}

fn html(title: &str, body: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>\n{body}\n</body></html>\n"
    ))
}
