//! The client against a server that says, byte by byte, what a script has it say.

use std::sync::Arc;
use std::time::Duration;

use loadgen::http::{Connection, Failure, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server does with each connection in turn: for each request, the pieces of its answer.
type Script = Vec<Vec<Vec<&'static str>>>;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Follows the script; a connection is closed when its part is over.
async fn play(script: Script) -> Arc<Target> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for connection in script {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            for answer in connection {
                let mut request = [0; 4_096];
                if stream.read(&mut request).await.unwrap() == 0 {
                    break;
                }
                for piece in answer {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    // Each piece has to be a read of its own.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    });
    Arc::new(format!("http://{address}").parse().unwrap())
}

async fn ask(connection: &mut Connection) -> Result<(u16, String), Failure> {
    let answer = connection.post("/x", "token", b"{}").await?;
    Ok((
        answer.status,
        String::from_utf8(answer.body.to_vec()).unwrap(),
    ))
}

#[tokio::test]
async fn one_connection_carries_many_answers_however_they_are_cut() {
    let target = play(vec![vec![
        vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
        vec![
            "HTTP/1.1 517 Low\r\nContent-",
            "Length: 5\r\n",
            "\r\n{\"a",
            "\"}",
        ],
        vec![
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"b",
            "\r\n2\r\n\"}\r\n",
            "0\r\n\r\n",
        ],
        vec!["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ]])
    .await;
    let mut connection = Connection::new(target, TIMEOUT);
    for expected in [(200, "{}"), (517, "{\"a\"}"), (200, "{\"b\"}"), (200, "")] {
        let (status, body) = ask(&mut connection).await.unwrap();
        assert_eq!((status, body.as_str()), expected);
    }
}

#[tokio::test]
async fn who_closes_is_connected_to_again() {
    let target = play(vec![
        vec![vec![
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1",
        ]],
        vec![vec!["HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n2"]],
        vec![vec!["HTTP/1.1 200 OK\r\n\r\n3", "3"]],
        vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n4"]],
    ])
    .await;
    let mut connection = Connection::new(target, TIMEOUT);
    for expected in ["1", "2", "33", "4"] {
        assert_eq!(ask(&mut connection).await.unwrap().1, expected);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure_and_the_next_is_not() {
    let target = play(vec![
        vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"]],
        vec![vec![
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        ]],
        vec![vec!["SSH-2.0-x\r\n"]],
        vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]],
    ])
    .await;
    let mut connection = Connection::new(target, TIMEOUT);
    assert!(matches!(
        ask(&mut connection).await,
        Err(Failure::Broken(_))
    ));
    assert!(matches!(
        ask(&mut connection).await,
        Err(Failure::Broken(_))
    ));
    assert!(matches!(
        ask(&mut connection).await,
        Err(Failure::Malformed)
    ));
    assert_eq!(ask(&mut connection).await.unwrap().0, 200);
}

#[tokio::test]
async fn nobody_waits_longer_than_the_timeout() {
    let target = play(vec![
        vec![vec!["HTTP/1.1 200 OK\r\n"], vec![]],
        vec![vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]],
    ])
    .await;
    let mut connection = Connection::new(target, Duration::from_millis(100));
    assert!(matches!(
        ask(&mut connection).await,
        Err(Failure::TimedOut(_))
    ));
    assert_eq!(ask(&mut connection).await.unwrap().0, 200);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_asked() {
    let target = Arc::new("http://127.0.0.1:1".parse().unwrap());
    let mut connection = Connection::new(target, TIMEOUT);
    assert!(matches!(
        ask(&mut connection).await,
        Err(Failure::Connect(_))
    ));
}
