//! A connection that speaks just enough HTTP/2 for one gRPC call after the other (RFC 9113, RFC 7541), by hand: a client
//! that shares the machine with what is measured must cost little.
//!
//! It tells the server that it keeps no table for it and has all the room there is, so that of what comes back only frames
//! are looked at. A call succeeded if it was answered with a message: a refusal has trailers alone.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The most room that can be given.
const ROOM: u32 = (1 << 31) - 1;

pub(crate) struct Grpc {
    stream: TcpStream,
    inbox: BytesMut,
    address: SocketAddr,
    /// The id of the next call.
    next: u32,
}

impl Grpc {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut hello = BytesMut::from(&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..]);
        let mut settings = BytesMut::new();
        // No table of headers, no pushes, and room on every stream.
        for (setting, value) in [(1, 0), (2, 0), (4, ROOM)] {
            settings.put_u16(setting);
            settings.put_u32(value);
        }
        frame(&mut hello, SETTINGS, 0, 0, &settings);
        frame(&mut hello, WINDOW_UPDATE, 0, 0, &(ROOM - 65_535).to_be_bytes());
        stream.write_all(&hello).await?;
        Ok(Self { stream, inbox: BytesMut::with_capacity(4_096), address, next: 1 })
    }

    /// A unary call, by the full name of its method; gives the bytes of its answer.
    pub(crate) async fn call(&mut self, method: &str, token: &str, message: &[u8]) -> anyhow::Result<Bytes> {
        let id = self.next;
        self.next += 2;
        // `:method: POST` and `:scheme: http` stand in the static table.
        let mut head = BytesMut::from(&[0x83, 0x86][..]);
        literal(&mut head, &[0x04], &format!("/{method}"));
        if id == 1 {
            literal(&mut head, &[0x41], &self.address.to_string());
            literal(&mut head, &[0x5f], "application/grpc");
            head.put_slice(&[0x40, 2]);
            literal(&mut head, b"te", "trailers");
        } else {
            // The server has the last three in its table.
            head.put_slice(&[0xc0, 0xbf, 0xbe]);
        }
        literal(&mut head, &[0x1f, 0x08], &format!("Bearer {token}"));
        let mut data = BytesMut::with_capacity(5 + message.len());
        data.put_u8(0);
        data.put_u32(u32::try_from(message.len())?);
        data.put_slice(message);
        let mut sent = BytesMut::with_capacity(18 + head.len() + data.len());
        frame(&mut sent, HEADERS, END_HEADERS, id, &head);
        frame(&mut sent, DATA, END_STREAM, id, &data);
        self.stream.write_all(&sent).await?;
        let mut answer = BytesMut::new();
        loop {
            let (kind, flags, of, payload) = self.receive().await?;
            match kind {
                SETTINGS | PING if flags & ACK == 0 => {
                    let mut reply = BytesMut::new();
                    frame(&mut reply, kind, ACK, 0, if kind == PING { &payload } else { &[] });
                    self.stream.write_all(&reply).await?;
                }
                GOAWAY | RST_STREAM => bail!("{method}: the server ended with {payload:?}"),
                DATA if of == id => answer.extend_from_slice(&payload),
                _ => {}
            }
            if of == id && matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                ensure!(answer.len() > 5, "{method} was refused");
                answer.advance(5);
                return Ok(answer.freeze());
            }
        }
    }

    /// The next frame: its type, flags, stream and payload.
    async fn receive(&mut self) -> anyhow::Result<(u8, u8, u32, Bytes)> {
        loop {
            if let Some(head) = self.inbox.first_chunk::<9>() {
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                let (kind, flags) = (head[3], head[4]);
                let of = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
                if self.inbox.len() >= 9 + length {
                    self.inbox.advance(9);
                    return Ok((kind, flags, of, self.inbox.split_to(length).freeze()));
                }
            }
            let read = self.stream.read_buf(&mut self.inbox).await?;
            (read > 0).then_some(()).context("the connection ended")?;
        }
    }
}

fn frame(out: &mut BytesMut, kind: u8, flags: u8, of: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("what is sent is short").to_be_bytes();
    out.put_slice(&length[1..]);
    out.put_slice(&[kind, flags]);
    out.put_u32(of);
    out.put_slice(payload);
}

/// A header's name, as an index or a text, and its value.
fn literal(out: &mut BytesMut, name: &[u8], value: &str) {
    out.put_slice(name);
    out.put_u8(u8::try_from(value.len()).ok().filter(|length| *length < 0x7f).expect("values are short"));
    out.put_slice(value.as_bytes());
}
