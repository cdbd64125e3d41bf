//! As much of HTTP/1 as reading metrics takes: the head of one request, and its answer.

/// Bytes of a request's head.
pub const HEAD_MAX: usize = 8 << 10;

/// What a request deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It asks for the metrics.
    Ok,
    /// It is no request.
    BadRequest,
    /// It asks for something else.
    NotFound,
    /// It wants something else done.
    MethodNotAllowed,
    /// Its head has more than [`HEAD_MAX`] bytes.
    HeadTooLarge,
}

/// An answer.
pub struct Answer {
    status: Status,
    body: String,
}

/// Judges the head of a request by what has come of it; `None`: it goes on.
pub fn judge(head: &[u8]) -> Option<Status> {
    match end(head) {
        true => Some(judge_line(head)),
        false if head.len() >= HEAD_MAX => Some(Status::HeadTooLarge),
        false => None,
    }
}

/// Whether the empty line is there that ends a head.
fn end(head: &[u8]) -> bool {
    let ends_with = |end: &[u8]| head.windows(end.len()).any(|window| window == end);
    ends_with(b"\r\n\r\n") || ends_with(b"\n\n")
}

fn judge_line(head: &[u8]) -> Status {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = str::from_utf8(line).unwrap_or_default().trim_end_matches('\r');
    let words: Vec<_> = line.split(' ').collect();
    let [method, target, version] = words[..] else { return Status::BadRequest };
    let path = target.split('?').next().unwrap_or_default();
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    match (version, method, path) {
        _ if !is_method => Status::BadRequest,
        ("HTTP/1.0" | "HTTP/1.1", "GET", "/metrics") => Status::Ok,
        ("HTTP/1.0" | "HTTP/1.1", _, "/metrics") => Status::MethodNotAllowed,
        ("HTTP/1.0" | "HTTP/1.1", ..) => Status::NotFound,
        _ => Status::BadRequest,
    }
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
        }
    }
}

impl Answer {
    /// The metrics.
    pub fn metrics(text: String) -> Self {
        Self { status: Status::Ok, body: text }
    }

    /// Why there are none.
    pub fn refusal(status: Status) -> Self {
        Self { status, body: format!("{}: try GET /metrics\n", status.line()) }
    }

    /// The answer as it is sent.
    pub fn into_bytes(self) -> Vec<u8> {
        let Self { status, body } = self;
        let content = match status {
            Status::Ok => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        let allow = if status == Status::MethodNotAllowed { "Allow: GET\r\n" } else { "" };
        let (line, length) = (status.line(), body.len());
        format!(
            "HTTP/1.1 {line}\r\nContent-Type: {content}\r\nContent-Length: {length}\r\n\
             {allow}Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_heads_are_judged() {
        let head = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
        for cut in 0..head.len() {
            assert_eq!(judge(&head[..cut]), None, "{cut}");
        }
        assert_eq!(judge(head), Some(Status::Ok));
    }

    #[test]
    fn a_head_may_have_as_many_bytes_as_are_allowed() {
        let head = |bytes: usize| {
            let start = "GET /metrics HTTP/1.1\r\nX: ";
            format!("{start}{}\r\n\r\n", "x".repeat(bytes - start.len() - 4)).into_bytes()
        };
        assert_eq!(judge(&head(HEAD_MAX)), Some(Status::Ok));
        assert_eq!(judge(&head(HEAD_MAX + 1)[..HEAD_MAX]), Some(Status::HeadTooLarge));
    }

    #[test]
    fn each_request_gets_what_it_deserves() {
        let judged = |line: &str| judge(format!("{line}\r\n\r\n").as_bytes());
        for (line, status) in [
            ("GET /metrics HTTP/1.0", Status::Ok),
            ("GET /metrics?name[]=up HTTP/1.1", Status::Ok),
            ("GET / HTTP/1.1", Status::NotFound),
            ("GET /metrics/ HTTP/1.1", Status::NotFound),
            ("POST /metrics HTTP/1.1", Status::MethodNotAllowed),
            ("HEAD /metrics HTTP/1.1", Status::MethodNotAllowed),
            ("GET /metrics HTTP/2", Status::BadRequest),
            ("GET /metrics", Status::BadRequest),
            ("GET  /metrics HTTP/1.1", Status::BadRequest),
            ("get /metrics HTTP/1.1", Status::BadRequest),
            ("", Status::BadRequest),
        ] {
            assert_eq!(judged(line), Some(status), "{line}");
        }
        assert_eq!(judge(b"\xff\xfe\n\n"), Some(Status::BadRequest));
        assert_eq!(judge(b"GET /metrics HTTP/1.1\n\n"), Some(Status::Ok));
    }
}
