//! Books' texts and pictures: each kept once, under its hash, for as long as a listing names it.

use std::sync::Arc;

use domain::book::BookFields;
use domain::{BookText, Picture, PictureHash, PictureKind, TextHash, WorkingSet};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{Damaged, Doing, Stored, damaged};

pub(crate) const FIND_TEXT: &str = "
    SELECT id, hash, title, author, publisher, original_title, translator, pub_year, pages,
           currency_unit, binding, isbn, author_intro, book_intro, content, tags
      FROM texts WHERE hash = ?1";

pub(crate) const LIST_ALL_TEXTS: &str = "
    SELECT id, hash, title, author, publisher, original_title, translator, pub_year, pages,
           currency_unit, binding, isbn, author_intro, book_intro, content, tags
      FROM texts WHERE id > ?1 ORDER BY id";

pub(crate) const LIST_ALL_PICTURES: &str =
    "SELECT id, hash, bytes FROM pictures WHERE id > ?1 ORDER BY id";

pub(crate) const FIND_PICTURE: &str = "SELECT id, hash, bytes FROM pictures WHERE hash = ?1";

pub(crate) const FIND_TEXT_NUMBER: &str = "SELECT id FROM texts WHERE hash = ?1";

pub(crate) const FIND_PICTURE_NUMBER: &str = "SELECT id FROM pictures WHERE hash = ?1";

pub(crate) const DROP_TEXT: &str = "
    DELETE FROM texts
     WHERE hash = ?1
       AND NOT EXISTS (SELECT 1 FROM listings INDEXED BY listings_of_text
                        WHERE text = texts.id)";

pub(crate) const DROP_PICTURE: &str = "
    DELETE FROM pictures
     WHERE hash = ?1
       AND NOT EXISTS (SELECT 1 FROM listing_pictures INDEXED BY listings_of_picture
                        WHERE picture = pictures.id)";

pub(crate) fn read_text(row: &Row<'_>) -> rusqlite::Result<(i64, Arc<BookText>)> {
    let tags = serde_json::from_str(row.get_ref(15)?.as_str()?).map_err(|why| damaged(15, why))?;
    let fields = BookFields {
        title: row.get(2)?,
        author: row.get(3)?,
        publisher: row.get(4)?,
        original_title: row.get(5)?,
        translator: row.get(6)?,
        pub_year: row.get(7)?,
        pages: row.get(8)?,
        currency_unit: row.get(9)?,
        binding: row.get(10)?,
        isbn: row.get(11)?,
        author_intro: row.get(12)?,
        book_intro: row.get(13)?,
        content: row.get(14)?,
        tags,
    };
    let text = BookText::new(fields).map_err(|why| damaged(2, why))?;
    if text.hash().to_bytes() != row.get::<_, [u8; 16]>(1)? {
        return Err(Damaged("a text that does not have its hash").at(1));
    }
    Ok((row.get(0)?, Arc::new(text)))
}

pub(crate) fn read_picture(row: &Row<'_>) -> rusqlite::Result<(i64, Arc<Picture>)> {
    let picture = Picture::new(row.get_ref(2)?.as_blob()?).map_err(|why| damaged(2, why))?;
    if picture.hash().to_bytes() != row.get::<_, [u8; 16]>(1)? {
        return Err(Damaged("a picture that does not have its hash").at(1));
    }
    Ok((row.get(0)?, Arc::new(picture)))
}

/// The text with its number.
fn find_text(connection: &Connection, hash: &TextHash) -> Stored<Option<(i64, Arc<BookText>)>> {
    let doing = "finding a text";
    let mut statement = connection.prepare_cached(FIND_TEXT).doing(doing)?;
    statement
        .query_row([hash.to_bytes()], read_text)
        .optional()
        .doing(doing)
}

/// Those of these texts that there are.
pub(crate) fn find_texts(
    connection: &Connection,
    mut hashes: Vec<TextHash>,
) -> Stored<Vec<Arc<BookText>>> {
    hashes.sort_unstable();
    hashes.dedup();
    let found = hashes.iter().map(|hash| find_text(connection, hash));
    let texts =
        found.filter_map(|found| found.map(|found| found.map(|(_, text)| text)).transpose());
    texts.collect()
}

pub(crate) fn find_picture(
    connection: &Connection,
    hash: PictureHash,
) -> Stored<Option<Arc<Picture>>> {
    let doing = "finding a picture";
    let mut statement = connection.prepare_cached(FIND_PICTURE).doing(doing)?;
    let found = statement
        .query_row([hash.to_bytes()], read_picture)
        .optional();
    Ok(found.doing(doing)?.map(|(_, picture)| picture))
}

pub(crate) fn load_text(
    connection: &Connection,
    hash: &TextHash,
    rows: &mut WorkingSet,
) -> Stored<()> {
    let (number, text) = find_text(connection, hash)?.unzip();
    rows.texts.load(*hash, text, number.unwrap_or(0));
    Ok(())
}

fn find_number(connection: &Connection, sql: &str, hash: [u8; 16]) -> Stored<Option<i64>> {
    let doing = "looking for a hash";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    statement
        .query_row([hash], |row| row.get(0))
        .optional()
        .doing(doing)
}

/// The number of a text; `None` where nobody has it.
pub(crate) fn find_text_number(connection: &Connection, hash: &TextHash) -> Stored<Option<i64>> {
    find_number(connection, FIND_TEXT_NUMBER, hash.to_bytes())
}

/// Keeps new texts and pictures, and learns the numbers of those that were kept already.
pub(crate) fn save(connection: &Connection, rows: &mut WorkingSet) -> Stored<()> {
    for hash in rows.texts.changed_keys().to_vec() {
        let entry = rows.texts.entry(&hash).expect("a changed row is an entry");
        let (0, Some(text)) = (entry.handle, entry.current()) else {
            continue;
        };
        let number = match find_number(connection, FIND_TEXT_NUMBER, hash.to_bytes())? {
            Some(number) => number,
            None => insert_text(connection, text)?,
        };
        rows.texts.set_handle(&hash, number);
    }
    for hash in rows.pictures.changed_keys().to_vec() {
        let entry = rows
            .pictures
            .entry(&hash)
            .expect("a changed row is an entry");
        let (0, Some(picture)) = (entry.handle, entry.current()) else {
            continue;
        };
        let number = match find_number(connection, FIND_PICTURE_NUMBER, hash.to_bytes())? {
            Some(number) => number,
            None => insert_picture(connection, picture)?,
        };
        rows.pictures.set_handle(&hash, number);
    }
    Ok(())
}

fn insert_text(connection: &Connection, text: &BookText) -> Stored<i64> {
    let doing = "keeping a text";
    let fields = text.fields();
    let tags = serde_json::to_string(&fields.tags).expect("a list of texts has a JSON form");
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO texts
                 (hash, title, author, publisher, original_title, translator, pub_year, pages,
                  currency_unit, binding, isbn, author_intro, book_intro, content, tags)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )
        .doing(doing)?;
    let inserted = statement.insert(params![
        text.hash().to_bytes(),
        fields.title,
        fields.author,
        fields.publisher,
        fields.original_title,
        fields.translator,
        fields.pub_year,
        fields.pages,
        fields.currency_unit,
        fields.binding,
        fields.isbn,
        fields.author_intro,
        fields.book_intro,
        fields.content,
        tags,
    ]);
    inserted.doing(doing)
}

/// A picture's kind as a number that stays the same between versions.
fn kind_code(kind: PictureKind) -> i64 {
    match kind {
        PictureKind::Jpeg => 0,
        PictureKind::Png => 1,
        PictureKind::Webp => 2,
        PictureKind::Gif => 3,
    }
}

fn insert_picture(connection: &Connection, picture: &Picture) -> Stored<i64> {
    let doing = "keeping a picture";
    let mut statement = connection
        .prepare_cached("INSERT INTO pictures (hash, kind, bytes) VALUES (?1, ?2, ?3)")
        .doing(doing)?;
    let kind = kind_code(picture.kind());
    statement
        .insert(params![picture.hash().to_bytes(), kind, picture.bytes()])
        .doing(doing)
}

/// The number of a text that a listing is to name.
pub(crate) fn text_number(
    connection: &Connection,
    rows: &WorkingSet,
    hash: &TextHash,
) -> Stored<Option<i64>> {
    match rows.texts.handle(hash) {
        Some(number) => Ok(Some(number)),
        None => find_text_number(connection, hash),
    }
}

/// The number of a picture that a listing is to name.
pub(crate) fn picture_number(
    connection: &Connection,
    rows: &WorkingSet,
    hash: &PictureHash,
) -> Stored<Option<i64>> {
    match rows.pictures.handle(hash) {
        Some(number) => Ok(Some(number)),
        None => find_number(connection, FIND_PICTURE_NUMBER, hash.to_bytes()),
    }
}

/// Drops a text that a listing gave up, unless another listing has it.
pub(crate) fn drop_text(connection: &Connection, hash: &TextHash) -> Stored<()> {
    let doing = "dropping a text";
    let mut statement = connection.prepare_cached(DROP_TEXT).doing(doing)?;
    statement.execute([hash.to_bytes()]).doing(doing).map(drop)
}

/// Drops a picture that a listing gave up, unless another listing has it.
pub(crate) fn drop_picture(connection: &Connection, hash: &PictureHash) -> Stored<()> {
    let doing = "dropping a picture";
    let mut statement = connection.prepare_cached(DROP_PICTURE).doing(doing)?;
    statement.execute([hash.to_bytes()]).doing(doing).map(drop)
}
