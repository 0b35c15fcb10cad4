//! Book files that tests make themselves.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// How many good rows [`make`] writes.
pub const GOOD: usize = 300;

/// The rows that can't be listed, each with what is said about it.
pub const BAD: [(&str, &str); 7] = [
    (
        "('no-price', 'a', NULL, NULL)",
        "skipped `no-price`: `price` is null",
    ),
    ("('debt', 'a', -1, NULL)", "skipped `debt`: `price` is -1"),
    (
        "('no-title', NULL, 1, NULL)",
        "skipped `no-title`: `title` is null",
    ),
    ("(NULL, 'a', 1, NULL)", "`id` is null"),
    (
        "(printf('%.*c', 300, 'i'), 'a', 1, NULL)",
        "`id` must have at most 255 characters",
    ),
    (
        "('drawing', 'a', 1, CAST('<svg/>' AS BLOB))",
        "skipped `drawing`: `picture` must be a JPEG",
    ),
    (
        "('huge', 'a', 1, zeroblob(9000000))",
        "skipped `huge`: has a value of more than",
    ),
];

/// Makes a book file of [`GOOD`] books `book-1`, `book-2`, … at 1,000 fen, and the rows of [`BAD`].
pub fn make(folder: &Path) -> PathBuf {
    let path = folder.join("books.db");
    let bad = BAD.map(|(row, _)| row).join(", ");
    let sql = format!(
        "CREATE TABLE book (id TEXT, title TEXT, price INT, picture BLOB, tags TEXT);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {GOOD})
         INSERT INTO book
         SELECT 'book-' || n, '第' || n || '本书', 1000, x'FFD8FFE0' || randomblob(20000),
                'one' || char(10) || 'two'
         FROM n;
         UPDATE book SET picture = CAST(picture AS BLOB);
         INSERT INTO book (id, title, price, picture) VALUES {bad};"
    );
    Connection::open(&path)
        .unwrap()
        .execute_batch(&sql)
        .unwrap();
    path
}

/// Makes a book file of `count` books with a title and a picture of `picture_bytes` each.
pub fn make_heavy(folder: &Path, count: usize, picture_bytes: usize) -> PathBuf {
    let path = folder.join("heavy.db");
    let sql = format!(
        "CREATE TABLE book (id TEXT, title TEXT, price INT, picture BLOB);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
         INSERT INTO book SELECT 'heavy-' || n, 'book ' || n, 100,
                                 x'FFD8FFE0' || randomblob({picture_bytes})
         FROM n;
         UPDATE book SET picture = CAST(picture AS BLOB);"
    );
    Connection::open(&path)
        .unwrap()
        .execute_batch(&sql)
        .unwrap();
    path
}

/// The file of 100 real books, where this machine has it.
pub fn real() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/book.db");
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "\n*** SKIPPED: there is no {}; the import of real books was not tested ***\n",
        path.display()
    );
    None
}
