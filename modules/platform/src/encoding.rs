//! Compressed answers, for whoever accepts them: brotli, zstd and gzip, on the routes that are wrapped in [`encode`].
//! Those must be public: how well an answer can be compressed tells about what is secret in it.

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AcceptEncoding, ContentEncoding, Encoding, HeaderMap, HeaderValue, Preference, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

/// What is smaller fits into one packet either way.
const WORTHWHILE: u64 = 1024;

/// The header that decides.
const NAME: &str = "accept-encoding";

static SUPPORTED: [Encoding; 4] =
    [Encoding::identity(), Encoding::brotli(), Encoding::zstd(), Encoding::gzip()];

/// Sends a body in the encoding that the client likes best, and says that it depends on what the client accepts.
/// Whoever accepts none of them gets it as it is, and so does everybody what is small, has no known end, or is not a
/// plain success.
///
/// # Errors
/// Passes on those of the layers below.
pub async fn encode<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Encoder<B>>, Error> {
    let wanted = wanted(&request);
    let response = next.call(request).await?;
    Ok(response.map_body(|head, body| {
        let is_worthwhile = matches!(body.size(), BodySize::Sized(length) if length >= WORTHWHILE);
        let encoding =
            if head.status == StatusCode::OK && is_worthwhile { wanted } else { ContentEncoding::Identity };
        let body = Encoder::response(encoding, head, body);
        add_vary(head.headers_mut());
        body
    }))
}

fn wanted(request: &ServiceRequest) -> ContentEncoding {
    let accepted = request.get_header::<AcceptEncoding>();
    match accepted.and_then(|accepted| accepted.negotiate(SUPPORTED.iter())) {
        Some(Encoding::Known(ContentEncoding::Brotli)) => cheaper_than_brotli(request),
        Some(Encoding::Known(encoding)) => encoding,
        _ => ContentEncoding::Identity,
    }
}

/// Brotli is the smallest and takes by far the longest, which pays for what is compressed once. Prices are compressed
/// anew every second, so whoever likes another as much gets that.
fn cheaper_than_brotli(request: &ServiceRequest) -> ContentEncoding {
    let accepted: Option<AcceptEncoding> = request.get_header();
    let weight = |encoding: Encoding| {
        let wanted = Preference::Specific(encoding);
        let mut items = accepted.iter().flat_map(|accepted| accepted.0.iter());
        items.find(|item| item.item == wanted).map(|item| item.quality)
    };
    let brotli = weight(Encoding::brotli());
    let others = [(Encoding::zstd(), ContentEncoding::Zstd), (Encoding::gzip(), ContentEncoding::Gzip)];
    let as_good =
        others.into_iter().find(|(encoding, _)| brotli.is_some() && weight(encoding.clone()) == brotli);
    as_good.map_or(ContentEncoding::Brotli, |(_, encoding)| encoding)
}

/// The encoder says so only of what it encodes, but a cache must know it of the others too.
fn add_vary(headers: &mut HeaderMap) {
    let is_told = headers.get_all(VARY).any(|value| value.as_bytes().eq_ignore_ascii_case(NAME.as_bytes()));
    if !is_told {
        headers.append(VARY, HeaderValue::from_static(NAME));
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, HttpResponse, web};

    use super::encode;

    /// What is answered to a body of so many bytes: the encoding that is named, and the length that arrives.
    async fn sent(accepted: Option<&str>, status: u16, length: usize) -> (String, usize) {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || {
            let body = "x".repeat(length);
            async move { HttpResponse::build(status).body(body) }
        };
        let route = web::resource("/").wrap(from_fn(encode)).get(answer);
        let app = init_service(App::new().service(route)).await;
        let mut request = TestRequest::get();
        if let Some(accepted) = accepted {
            request = request.insert_header((ACCEPT_ENCODING, accepted));
        }
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), status);
        let headers = response.headers();
        assert_eq!(headers.get_all(VARY).collect::<Vec<_>>(), ["accept-encoding"], "{accepted:?}");
        assert!(!headers.contains_key(CONTENT_LENGTH), "the server adds it");
        let encoding = headers.get(CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap()).to_owned();
        (encoding, read_body(response).await.len())
    }

    #[actix_web::test]
    async fn the_client_decides() {
        for (accepted, encoding) in [
            (None, ""),
            (Some(""), ""),
            (Some("gzip"), "gzip"),
            (Some("GZIP"), "gzip"),
            (Some("br"), "br"),
            (Some("zstd"), "zstd"),
            (Some("gzip, deflate, br, zstd"), "zstd"),
            (Some("gzip, deflate, br"), "gzip"),
            (Some("gzip;q=0.8, br"), "br"),
            (Some("zstd;q=0.9, br;q=0.9, gzip;q=0.2"), "zstd"),
            (Some("br, *"), "br"),
            (Some("gzip, zstd"), "zstd"),
            (Some("gzip;q=1.0, br;q=0.5"), "gzip"),
            (Some("gzip;q=0"), ""),
            (Some("gzip;q=0, zstd;q=0.1"), "zstd"),
            (Some("deflate"), ""),
            (Some("compress, x-unheard-of"), ""),
            (Some("identity"), ""),
            // Nothing is left then, and the body as it is is better than none.
            (Some("*;q=0"), ""),
            (Some("identity;q=0"), ""),
            (Some(";;,=q"), ""),
        ] {
            let (actual, length) = sent(accepted, 200, 4096).await;
            assert_eq!(actual, encoding, "{accepted:?}");
            assert_eq!(length == 4096, encoding.is_empty(), "{accepted:?}: {length}");
        }
    }

    #[actix_web::test]
    async fn what_is_small_or_no_success_is_sent_as_it_is() {
        assert_eq!(sent(Some("gzip"), 200, 1023).await, (String::new(), 1023));
        assert_eq!(sent(Some("gzip"), 200, 1024).await.0, "gzip");
        for status in [201, 400, 404, 500] {
            assert_eq!(sent(Some("gzip"), status, 4096).await, (String::new(), 4096));
        }
        assert_eq!(sent(Some("gzip"), 304, 0).await, (String::new(), 0));
    }

    #[actix_web::test]
    async fn a_stream_has_no_known_end_and_is_sent_as_it_is() {
        let route = web::resource("/").wrap(from_fn(encode)).get(|| async {
            let part = web::Bytes::from("x".repeat(4096));
            HttpResponse::Ok().streaming(futures_util::stream::iter([Ok::<_, actix_web::Error>(part)]))
        });
        let app = init_service(App::new().service(route)).await;
        let request = TestRequest::get().insert_header((ACCEPT_ENCODING, "gzip")).to_request();
        let response = call_service(&app, request).await;
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(read_body(response).await.len(), 4096);
    }
}
