//! The body of a request.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use reqwest::Body;
use wasmtime_wasi_http::{Error, WasiBody};

/// The body as the client takes it. One that the guest has written already goes out
/// with the head of the request, in one packet if it is small; the rest of another
/// follows as the guest writes it.
pub(super) fn as_reqwest(mut body: WasiBody) -> Option<Body> {
    if body.is_end_stream() {
        return None;
    }
    let mut there = BytesMut::new();
    match take_what_is_there(&mut body, &mut there) {
        Ok(true) => Some(Body::from(there.freeze())),
        Ok(false) => {
            let there: Result<Bytes, Error> = Ok(there.freeze());
            let first = futures_util::stream::iter([there]);
            Some(Body::wrap_stream(first.chain(body.into_data_stream())))
        }
        Err(error) => {
            let failed: Result<Bytes, Error> = Err(error);
            Some(Body::wrap_stream(futures_util::stream::iter([failed])))
        }
    }
}

/// Whether that is all.
fn take_what_is_there(body: &mut WasiBody, into: &mut BytesMut) -> Result<bool, Error> {
    // Nobody has to be woken: who sends the rest polls again.
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut *body).poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => {
                if let Ok(data) = frame?.into_data() {
                    into.extend_from_slice(&data);
                }
            }
            Poll::Ready(None) => return Ok(true),
            Poll::Pending => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_body_that_is_whole_is_sent_in_one_piece_with_its_length() {
        let whole = Full::new(Bytes::from_static(b"abc"));
        let body = whole.map_err(|never| match never {}).boxed_unsync();
        let body = as_reqwest(body).unwrap();
        assert_eq!(body.as_bytes(), Some(&b"abc"[..]));
    }

    #[tokio::test]
    async fn what_is_written_later_follows() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let frame = |bytes: &'static [u8]| Ok(Frame::data(Bytes::from_static(bytes)));
        sender.send(frame(b"ab")).unwrap();
        let frames = futures_util::stream::unfold(receiver, async |mut receiver| {
            Some((receiver.recv().await?, receiver))
        });
        let body = StreamBody::new(Box::pin(frames)).boxed_unsync();
        let body = as_reqwest(body).unwrap();
        assert!(body.as_bytes().is_none());
        sender.send(frame(b"cd")).unwrap();
        drop(sender);
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abcd");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error() {
        let frames = [
            Ok(Frame::data(Bytes::from_static(b"ab"))),
            Err(Error::HttpProtocolError),
        ];
        let stream = StreamBody::new(futures_util::stream::iter(frames));
        let body = as_reqwest(stream.boxed_unsync()).unwrap();
        assert!(body.collect().await.is_err());
    }
}
