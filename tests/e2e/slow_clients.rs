//! Clients that take their time: heads and bodies that drip in, connections that lie about, and more connections than
//! there may be. A test waits for the server to cut, for as long as that takes within a generous bound.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tradepost_testkit::{Setup, World};

crate::tests![
    a_connection_without_a_request_is_cut,
    a_head_that_drips_in_is_cut,
    the_head_of_a_later_request_that_drips_in_is_cut,
    a_body_that_does_not_arrive_in_time_is_cut,
    a_body_that_nobody_reads_is_cut,
    answers_that_nobody_takes_are_cut,
    answers_that_are_taken_bit_by_bit_arrive_whole,
    an_idle_connection_is_closed,
    a_request_under_way_keeps_its_connection_however_long_it_takes,
    what_the_parser_cannot_hold_is_refused_without_a_document,
    no_more_connections_are_served_than_there_may_be,
];

const BOUND: Duration = Duration::from_secs(60);
const REQUEST: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

async fn impatient(world: &World) -> World {
    let setup =
        Setup::default().set("server.client_timeout_ms", "1000").set("server.body_timeout_ms", "1000");
    world.own(setup.set("server.keep_alive_s", "1")).await
}

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.base().trim_start_matches("http://")).await.unwrap()
}

/// Sends what is given, then drips for as long as the server takes it, and answers what it said before it cut.
async fn cut(mut stream: TcpStream, start: &str, drip: Option<&[u8]>) -> String {
    stream.write_all(start.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let said = async {
        let mut said = Vec::new();
        // An error is a cut as well: there was something on the way to the server.
        let _ = reader.read_to_end(&mut said).await;
        String::from_utf8_lossy(&said).into_owned()
    };
    let dripping = async {
        while let Some(bytes) = drip {
            sleep(Duration::from_millis(50)).await;
            if writer.write_all(bytes).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let said = async {
        tokio::select! { said = said => said, () = dripping => String::new() }
    };
    timeout(BOUND, said).await.expect("the connection was never cut")
}

async fn a_connection_without_a_request_is_cut(world: World) {
    let own = impatient(&world).await;
    assert!(cut(connect(&own).await, "", None).await.starts_with("HTTP/1.1 408"));
}

async fn a_head_that_drips_in_is_cut(world: World) {
    let own = impatient(&world).await;
    let said = cut(connect(&own).await, "GET /health HTTP/1.1\r\nX-Slow: ", Some(b"x")).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
}

async fn the_head_of_a_later_request_that_drips_in_is_cut(world: World) {
    let own = impatient(&world).await;
    let mut stream = connect(&own).await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    cut(stream, "GET /health HTTP/1.1\r\nX-Slow: ", Some(b"x")).await;
}

async fn a_body_that_does_not_arrive_in_time_is_cut(world: World) {
    let own = impatient(&world).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let of_a_length = format!("{head}Content-Length: 60000\r\n\r\n{{");
    for drip in [None, Some(b" ".as_slice())] {
        let said = cut(connect(&own).await, &of_a_length, drip).await;
        assert!(said.starts_with("HTTP/1.1 408") && said.contains("request_timeout"), "{said}");
    }
    let in_chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n");
    let said = cut(connect(&own).await, &in_chunks, Some(b"1\r\n \r\n")).await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("request_timeout"), "{said}");
}

async fn a_body_that_nobody_reads_is_cut(world: World) {
    let own = impatient(&world).await;
    for (framing, drip) in
        [("Content-Length: 60000", &b" "[..]), ("Transfer-Encoding: chunked", b"1\r\n \r\n")]
    {
        let head = format!("GET /health HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
        let said = cut(connect(&own).await, &head, Some(drip)).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{framing} {said}");
    }
}

/// More answers than all buffers between the two hold.
const MANY: usize = 150;

/// Asks for them all at once, so that the server is never idle.
async fn ask_for_many(world: &World) -> TcpStream {
    let mut stream = connect(world).await;
    let request = "GET /api-docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.repeat(MANY).as_bytes()).await.unwrap();
    stream
}

async fn answers_that_nobody_takes_are_cut(world: World) {
    let own = impatient(&world).await;
    let mut stream = ask_for_many(&own).await;
    let cut = async {
        while stream.write_all(b"G").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(BOUND, cut).await.expect("the connection was never cut");
}

async fn answers_that_are_taken_bit_by_bit_arrive_whole(world: World) {
    let setup = Setup::default().set("server.client_timeout_ms", "1000").set("server.keep_alive_s", "2");
    let own = world.own(setup).await;
    let document = own.request(Method::GET, "/api-docs/openapi.json").send().await.unwrap();
    let length = document.bytes().await.unwrap().len();
    let mut stream = ask_for_many(&own).await;
    let (mut some, mut taken) = (vec![0; 256 << 10], 0);
    // For longer than a client that takes nothing is given, and then as fast as it comes.
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        taken += stream.read(&mut some).await.unwrap();
    }
    while taken < MANY * length {
        let read = timeout(BOUND, stream.read(&mut some)).await.unwrap().unwrap();
        assert!(read > 0, "cut after {taken} of {} bytes", MANY * length);
        taken += read;
    }
}

async fn an_idle_connection_is_closed(world: World) {
    let own = impatient(&world).await;
    let said = cut(connect(&own).await, REQUEST, None).await;
    assert!(said.starts_with("HTTP/1.1 200") && !said.to_lowercase().contains("connection: close"), "{said}");
}

async fn a_request_under_way_keeps_its_connection_however_long_it_takes(world: World) {
    let setup = Setup::default().set("server.client_timeout_ms", "1000").set("server.keep_alive_s", "2");
    let own = world.own(setup.set("server.body_timeout_ms", "60000")).await;
    let mut stream = connect(&own).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    stream.write_all(format!("{head}Content-Length: 60\r\n\r\n{{").as_bytes()).await.unwrap();
    // Longer than what idle connections and slow heads are given together.
    for _ in 0..58 {
        sleep(Duration::from_millis(70)).await;
        stream.write_all(b" ").await.unwrap();
    }
    let mut said = String::new();
    for (rest, status) in [("}", "HTTP/1.1 422"), (REQUEST, "HTTP/1.1 200")] {
        stream.write_all(rest.as_bytes()).await.unwrap();
        // An answer may come in pieces.
        while !said.contains(status) {
            let mut some = [0; 4096];
            let read = timeout(BOUND, stream.read(&mut some)).await.unwrap().unwrap();
            assert!(read > 0, "cut before {status}: {said}");
            said.push_str(&String::from_utf8_lossy(&some[..read]));
        }
    }
}

async fn what_the_parser_cannot_hold_is_refused_without_a_document(world: World) {
    let lines = |count: usize| (0..count).map(|line| format!("X-{line}: x\r\n")).collect::<String>();
    for (head, status) in [
        (format!("GET /?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(65_533)), "400"),
        (format!("GET /health HTTP/1.1\r\nHost: x\r\n{}\r\n", lines(96)), "431"),
        (format!("GET /health HTTP/1.1\r\nX: {}", "x".repeat(131_072)), "431"),
    ] {
        let said = cut(connect(&world).await, &head, None).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{said}");
        assert!(said.ends_with("\r\n\r\n"), "{said}");
    }
    let most = format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", lines(94));
    assert!(cut(connect(&world).await, &most, None).await.starts_with("HTTP/1.1 200"));
}

/// Connections that say nothing are cut in the end, so a request that has to wait for one of them is answered after
/// that and not before.
async fn no_more_connections_are_served_than_there_may_be(world: World) {
    let setup = Setup::default().set("server.workers", "1").set("server.client_timeout_ms", "2000");
    let own = world.own(setup.set("server.max_connections", "3")).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(connect(&own).await);
    }
    let is_open = |stream: &TcpStream| matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    let answer = timeout(BOUND, own.send(own.request(Method::GET, "/health"))).await.unwrap();
    answer.expect(200);
    assert!(!silent.iter().all(is_open), "a fourth connection was served beside three others");

    let setup = Setup::default().set("server.workers", "1").set("server.client_timeout_ms", "600000");
    let own = world.own(setup.set("server.max_connections", "4")).await;
    let silent = [connect(&own).await, connect(&own).await, connect(&own).await];
    timeout(BOUND, own.send(own.request(Method::GET, "/health"))).await.unwrap().expect(200);
    assert!(silent.iter().all(is_open));
}
