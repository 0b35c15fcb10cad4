//! Book files: SQLite files of others, with a table `book` of one row a book.
//!
//! The columns are known by name; `id`, `title` and `price` must be there, the others may be
//! missing. Nothing is ever written to such a file.

use std::path::Path;

use anyhow::{Context, bail};
use domain::book::{BookFields, PICTURE_MAX_BYTES, TEXT_MAX_BYTES};
use domain::{BookText, Picture, Price};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};

/// How many rows are listed at once.
pub const HEADS_MAX: u32 = 256;
/// The largest value that is read at all. More than any limit of a book, so that what is a little
/// too long is refused for what it is; little enough that no row fills the memory.
const VALUE_MAX_BYTES: i32 = (PICTURE_MAX_BYTES + TEXT_MAX_BYTES) as i32;

const REQUIRED: [&str; 3] = ["id", "title", "price"];
/// All columns but the id, in the order in which [`BookFile::read`] selects them.
const COLUMNS: [&str; 16] = [
    "title",
    "author",
    "publisher",
    "original_title",
    "translator",
    "pub_year",
    "pages",
    "price",
    "currency_unit",
    "binding",
    "isbn",
    "author_intro",
    "book_intro",
    "content",
    "tags",
    "picture",
];

/// A row's number and its id, without the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The row's number.
    pub row: i64,
    /// What its id says; a reason where that is no text.
    pub id: Result<String, String>,
}

/// A row as a book that can be listed.
#[derive(Debug)]
pub struct Book {
    /// What it says.
    pub text: BookText,
    /// Its picture, where it has one.
    pub picture: Option<Picture>,
    /// What a copy costs.
    pub price: Price,
}

/// A book file, opened for reading.
pub struct BookFile {
    connection: Connection,
    select: String,
}

impl BookFile {
    /// Opens a file and looks whether it is a book file.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let is_file = std::fs::metadata(path)
            .with_context(|| format!("the book file `{name}` can't be opened"))?
            .is_file();
        if !is_file {
            bail!("`{name}` is not a file");
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .with_context(|| format!("the book file `{name}` can't be opened"))?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES)?;
        let present = columns(&connection).with_context(|| {
            format!(
                "`{name}` can't be read\nhint: a book file is a SQLite file with a table `book`"
            )
        })?;
        if present.is_empty() {
            bail!("`{name}` has no table `book`\nhint: see `bookstore import --help`");
        }
        for column in REQUIRED {
            if !present.iter().any(|name| name == column) {
                bail!("the table `book` of `{name}` has no column `{column}`");
            }
        }
        let select = COLUMNS.map(|column| {
            if present.iter().any(|name| name == column) {
                column
            } else {
                "NULL"
            }
        });
        let select = format!("SELECT {} FROM book WHERE _rowid_ = ?1", select.join(", "));
        Ok(Self { connection, select })
    }

    /// How many rows there are.
    pub fn count(&self) -> rusqlite::Result<u64> {
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM book", [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// The next rows behind `after`, at most [`HEADS_MAX`]. Their texts and pictures are not read.
    pub fn list_heads(&self, after: i64) -> rusqlite::Result<Vec<Head>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT _rowid_, id FROM book WHERE _rowid_ > ?1 ORDER BY _rowid_ LIMIT ?2",
        )?;
        let head = |row: &Row<'_>| {
            let id = match text(row.get_ref(1)?) {
                Ok(Some(id)) => Ok(id),
                Ok(None) => Err("`id` is null".into()),
                Err(reason) => Err(format!("`id` {reason}")),
            };
            Ok(Head {
                row: row.get(0)?,
                id,
            })
        };
        statement.query_map((after, HEADS_MAX), head)?.collect()
    }

    /// Reads a row. The inner error says why it is no book that could be listed.
    pub fn read(&self, row: i64) -> rusqlite::Result<Result<Book, String>> {
        let mut statement = self.connection.prepare_cached(&self.select)?;
        match statement.query_row([row], |row| Ok(book(row))) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::TooBig) => Ok(Err(format!(
                "has a value of more than {VALUE_MAX_BYTES} bytes"
            ))),
            other => other,
        }
    }
}

/// The columns of the table `book`; none where there is no such table.
fn columns(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT lower(name) FROM pragma_table_info('book')")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Makes a row's book, or says what is wrong with it.
fn book(row: &Row<'_>) -> Result<Book, String> {
    let column = |name: &str| {
        let index = COLUMNS.iter().position(|column| *column == name);
        index
            .and_then(|index| row.get_ref(index).ok())
            .expect("each of the columns is selected")
    };
    let optional = |name: &str| text(column(name)).map_err(|why| format!("`{name}` {why}"));
    let number = |name: &str| whole(column(name)).map_err(|why| format!("`{name}` {why}"));
    let price = number("price")?.ok_or("`price` is null")?;
    let price = Price::new(price).map_err(|why| format!("`price` is {price}: {why}"))?;
    let fields = BookFields {
        title: optional("title")?.ok_or("`title` is null")?,
        author: optional("author")?,
        publisher: optional("publisher")?,
        original_title: optional("original_title")?,
        translator: optional("translator")?,
        pub_year: optional("pub_year")?,
        pages: number("pages")?,
        currency_unit: optional("currency_unit")?,
        binding: optional("binding")?,
        isbn: optional("isbn")?,
        author_intro: optional("author_intro")?,
        book_intro: optional("book_intro")?,
        content: optional("content")?,
        tags: tags(&optional("tags")?.unwrap_or_default()),
    };
    let text = BookText::new(fields).map_err(|why| why.to_string())?;
    let picture = match column("picture") {
        ValueRef::Null | ValueRef::Blob([]) | ValueRef::Text([]) => None,
        ValueRef::Blob(bytes) => {
            Some(Picture::new(bytes).map_err(|why| format!("`picture` {why}"))?)
        }
        _ => return Err("`picture` is not a blob".into()),
    };
    Ok(Book {
        text,
        picture,
        price,
    })
}

/// One tag a line; empty lines say nothing.
fn tags(lines: &str) -> Vec<String> {
    let tags = lines.lines().map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(String::from).collect()
}

/// A value as text. Numbers are taken as they are written: ISBNs and years often are numbers.
fn text(value: ValueRef<'_>) -> Result<Option<String>, String> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number.to_string())),
        ValueRef::Real(number) => Ok(Some(number.to_string())),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.into())),
            Err(_) => Err("is not UTF-8".into()),
        },
        ValueRef::Blob(_) => Err("is a blob, not text".into()),
    }
}

/// A value as a whole number.
fn whole(value: ValueRef<'_>) -> Result<Option<i64>, String> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number)),
        ValueRef::Real(number) => Err(format!("is `{number}`, not a whole number")),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let number = text.trim().parse();
            number.map(Some).map_err(|_| {
                let start: String = text.chars().take(20).collect();
                format!("is `{}`, not a whole number", start.escape_debug())
            })
        }
        ValueRef::Blob(_) => Err("is a blob, not a whole number".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these rows of id, title, price, tags and picture.
    fn file(rows: &str) -> (tempfile::TempDir, BookFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        let sql = format!(
            "CREATE TABLE book (id TEXT, title TEXT, price INT, tags TEXT, picture BLOB);
             INSERT INTO book VALUES {rows};"
        );
        Connection::open(&path)
            .unwrap()
            .execute_batch(&sql)
            .unwrap();
        let file = BookFile::open(&path).unwrap();
        (folder, file)
    }

    fn read_only_row(row: &str) -> Result<Book, String> {
        let (_folder, file) = file(row);
        file.read(1).unwrap()
    }

    #[test]
    fn a_good_row_is_a_book() {
        let book = read_only_row("('1', '红楼梦', 5900, ' 古典 \n\n小说\n', x'FFD8FFE0')").unwrap();
        assert_eq!(book.text.fields().title, "红楼梦");
        assert_eq!(book.text.fields().tags, ["古典", "小说"]);
        assert_eq!(book.text.fields().author, None);
        assert_eq!(book.price.get(), 5900);
        assert_eq!(book.picture.unwrap().bytes(), [0xFF, 0xD8, 0xFF, 0xE0]);
    }

    #[test]
    fn a_bad_row_says_what_is_wrong() {
        for (row, reason) in [
            ("('1', 'a', NULL, '', NULL)", "`price` is null"),
            (
                "('1', 'a', -1, '', NULL)",
                "`price` is -1: must be from 0 to 1000000000",
            ),
            (
                "('1', 'a', 9.5, '', NULL)",
                "`price` is `9.5`, not a whole number",
            ),
            (
                "('1', 'a', 'dear', '', NULL)",
                "`price` is `dear`, not a whole number",
            ),
            ("('1', NULL, 1, '', NULL)", "`title` is null"),
            (
                "('1', 'a', 1, '', x'3C737667')",
                "`picture` must be a JPEG, PNG, WebP or GIF",
            ),
            ("('1', 'a', 1, '', 'text')", "`picture` is not a blob"),
            ("('1', 'a', 1, x'00', NULL)", "`tags` is a blob, not text"),
            (
                "('1', CAST(x'FF' AS TEXT), 1, '', NULL)",
                "`title` is not UTF-8",
            ),
            (
                "('1', 'a', 1, '', zeroblob(20000000))",
                "has a value of more than 5242880 bytes",
            ),
            (
                "('1', printf('%.*c', 1100000, 'a'), 1, '', NULL)",
                "the book's text must have at most 1048576 bytes in all",
            ),
        ] {
            assert_eq!(read_only_row(row).map(|_| ()), Err(reason.into()), "{row}");
        }
    }

    #[test]
    fn rows_are_listed_without_being_read() {
        let (_folder, file) = file(
            "('1', NULL, NULL, NULL, zeroblob(20000000)), (NULL, 'a', 1, '', NULL), (3, 'a', 1, '', NULL)",
        );
        assert_eq!(file.count(), Ok(3));
        let heads = file.list_heads(i64::MIN).unwrap();
        let ids: Vec<_> = heads.into_iter().map(|head| head.id).collect();
        assert_eq!(
            ids,
            [Ok("1".into()), Err("`id` is null".into()), Ok("3".into())]
        );
        assert_eq!(file.list_heads(3), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_book_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        let error = |path: &Path| format!("{:#}", BookFile::open(path).err().unwrap());
        assert!(error(&path).contains("can't be opened"));
        assert!(error(folder.path()).contains("is not a file"));
        std::fs::write(&path, "id,title,price\n".repeat(100)).unwrap();
        assert!(error(&path).contains("can't be read"), "{}", error(&path));
        std::fs::remove_file(&path).unwrap();
        let create = |sql| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        create("CREATE TABLE film (id)");
        assert!(error(&path).contains("has no table `book`"));
        create("CREATE TABLE book (id, title)");
        assert!(error(&path).contains("has no column `price`"));
    }
}
