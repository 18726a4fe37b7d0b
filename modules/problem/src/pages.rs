//! The pages behind the `type` of a problem: `/problems/{code}`, and `/problems` which lists them.

use actix_web::http::header::ContentType;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};

use serde::{Deserialize, Serialize};

use crate::http::ROUTE_NOT_FOUND;
use crate::{About, Rejection};

/// One sort of problem, as its page shows it and as the OpenAPI document lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProblemPage {
    /// Stable, snake_case.
    pub code: String,
    /// The status code of the answer.
    pub status: u16,
    /// A few words.
    pub title: String,
    /// When it happens and what to do.
    pub explanation: String,
}

impl From<&About> for ProblemPage {
    fn from(about: &About) -> Self {
        Self {
            code: about.code.to_owned(),
            status: about.kind.status(),
            title: about.title.to_owned(),
            explanation: about.explanation.to_owned(),
        }
    }
}

/// The problems this process can answer with. Give it to the app as `web::Data`.
#[derive(Debug)]
pub struct ProblemPages(Vec<ProblemPage>);

impl ProblemPages {
    /// Collects pages; a code that comes several times stands once.
    pub fn new(pages: impl IntoIterator<Item = ProblemPage>) -> Self {
        let mut all: Vec<_> = pages.into_iter().collect();
        all.sort_by(|one, other| one.code.cmp(&other.code));
        all.dedup_by(|one, other| one.code == other.code);
        Self(all)
    }

    /// All pages, by code.
    #[must_use]
    pub fn all(&self) -> &[ProblemPage] {
        &self.0
    }
}

/// Lists every problem.
#[get("/problems")]
pub async fn list_problems(pages: Data<ProblemPages>) -> HttpResponse {
    let rows = pages.0.iter().fold(String::new(), |rows, about| {
        let (code, title) = (&about.code, &about.title);
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
        about.status, about.code, about.explanation
    );
    Ok(html(&about.title, &body))
}

fn html(title: &str, body: &str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>\n{body}\n</body></html>\n"
    ))
}
