//! Answers that everybody may keep for a moment, and need not be sent to whoever has them.

use actix_web::http::header::{
    CACHE_CONTROL, ContentType, ETAG, EntityTag, Header, IF_NONE_MATCH, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};

/// Prices change every second, and many ask for them.
const CACHING: &str = "public, max-age=1";

/// Answers what `write` writes of this version; nothing, if the client has what that shows. The age of a price
/// is the only thing that may differ then, hence the weak tag.
pub fn fresh<E>(
    request: &HttpRequest,
    version: u64,
    write: impl FnOnce() -> Result<String, E>,
) -> Result<HttpResponse, E> {
    let tag = EntityTag::new_weak(format!("{version:x}"));
    let known = is_known(request, &tag);
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, tag.to_string())).insert_header((CACHE_CONTROL, CACHING));
    if known {
        return Ok(answer.finish());
    }
    Ok(answer.insert_header(ContentType::json()).body(write()?))
}

/// Whether a client says that it has what bears this tag.
pub fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    if !request.headers().contains_key(IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}
