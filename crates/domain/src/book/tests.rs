use proptest::prelude::*;

use super::*;

fn titled(title: &str) -> BookFields {
    BookFields {
        title: title.to_owned(),
        ..BookFields::default()
    }
}

fn hash(fields: BookFields) -> TextHash {
    BookText::new(fields).unwrap().hash()
}

/// Words that would run together if a hash did not tell where one ends.
fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "aa", "none", "some", "0", "书"]).prop_map(str::to_owned)
}

fn optional() -> impl Strategy<Value = Option<String>> {
    prop::option::of(word())
}

fn fields() -> impl Strategy<Value = BookFields> {
    let texts = prop::array::uniform11(optional());
    let pages = prop::option::of(-1_i64..2);
    (word(), texts, pages, prop::collection::vec(word(), 0..3)).prop_map(
        |(title, texts, pages, tags)| {
            let [
                author,
                publisher,
                original_title,
                translator,
                pub_year,
                currency_unit,
                binding,
                isbn,
                author_intro,
                book_intro,
                content,
            ] = texts;
            BookFields {
                title,
                author,
                publisher,
                original_title,
                translator,
                pub_year,
                pages,
                currency_unit,
                binding,
                isbn,
                author_intro,
                book_intro,
                content,
                tags,
            }
        },
    )
}

proptest! {
    #[test]
    fn texts_are_named_alike_only_if_they_are_alike(left in fields(), right in fields()) {
        prop_assert_eq!(hash(left.clone()), hash(left.clone()));
        prop_assert_eq!(hash(left.clone()) == hash(right.clone()), left == right);
    }
}

/// Each field counts, and moving a word from one field to the next makes another text.
#[test]
fn every_field_has_a_part_in_the_name() {
    fn set(change: impl FnOnce(&mut BookFields)) -> BookFields {
        let mut fields = titled("t");
        change(&mut fields);
        fields
    }
    let word = || Some("a".to_owned());
    let texts = [
        set(|_| {}),
        titled(""),
        titled("ta"),
        set(|fields| fields.author = word()),
        set(|fields| fields.author = Some(String::new())),
        set(|fields| fields.publisher = word()),
        set(|fields| fields.original_title = word()),
        set(|fields| fields.translator = word()),
        set(|fields| fields.pub_year = word()),
        set(|fields| fields.pages = Some(0)),
        set(|fields| fields.pages = Some(1)),
        set(|fields| fields.currency_unit = word()),
        set(|fields| fields.binding = word()),
        set(|fields| fields.isbn = word()),
        set(|fields| fields.author_intro = word()),
        set(|fields| fields.book_intro = word()),
        set(|fields| fields.content = word()),
        set(|fields| fields.tags = vec!["a".to_owned()]),
        set(|fields| fields.tags = vec!["a".to_owned(), String::new()]),
        set(|fields| fields.tags = vec![String::new(), "a".to_owned()]),
        set(|fields| fields.tags = vec!["aa".to_owned()]),
    ];
    let hashes: std::collections::HashSet<_> = texts.iter().cloned().map(hash).collect();
    assert_eq!(hashes.len(), texts.len());
}

/// A name outlives the program: what was stored under it must be found by it.
#[test]
fn a_name_stays_the_same_between_versions() {
    let text = BookText::new(BookFields {
        title: "美丽心灵".to_owned(),
        author: Some("A".to_owned()),
        pages: Some(7),
        tags: vec!["x".to_owned()],
        ..BookFields::default()
    });
    assert_eq!(
        text.unwrap().hash().to_string(),
        "b48b4e719b4c42919bab78f746b06327"
    );
}

#[test]
fn a_text_stays_within_its_limits() {
    let full = |extra: usize| BookFields {
        author: Some("é".repeat(10)),
        content: Some("x".repeat(TEXT_MAX_BYTES - 1 - 20 - 3 + extra)),
        tags: vec!["书".to_owned()],
        ..titled("t")
    };
    assert!(BookText::new(full(0)).is_ok());
    assert_eq!(BookText::new(full(1)), Err(InvalidText::TooLong));
    let tagged = |tags: Vec<String>| {
        BookText::new(BookFields {
            tags,
            ..titled("t")
        })
    };
    assert!(tagged(vec![String::new(); TAGS_MAX]).is_ok());
    assert_eq!(
        tagged(vec![String::new(); TAGS_MAX + 1]),
        Err(InvalidText::TooManyTags)
    );
    assert!(tagged(vec!["书".repeat(TAG_MAX_CHARACTERS)]).is_ok());
    let long = vec!["ok".to_owned(), "x".repeat(TAG_MAX_CHARACTERS + 1)];
    assert_eq!(tagged(long), Err(InvalidText::TagTooLong));
}

#[test]
fn a_line_keeps_the_beginning_of_a_title() {
    let line_title = |title: &str| BookText::new(titled(title)).unwrap().line_title();
    for title in ["", "short", &"书".repeat(LINE_TITLE_MAX_CHARACTERS)] {
        assert_eq!(&*line_title(title), title);
    }
    let long = "书".repeat(LINE_TITLE_MAX_CHARACTERS + 1);
    assert_eq!(*line_title(&long), "书".repeat(LINE_TITLE_MAX_CHARACTERS));
}

#[test]
fn a_picture_is_known_by_its_first_bytes() {
    let known: [(&[u8], PictureKind); 6] = [
        (b"\xFF\xD8\xFF", PictureKind::Jpeg),
        (b"\xFF\xD8\xFF\xE0\x00\x10JFIF", PictureKind::Jpeg),
        (b"\x89PNG\r\n\x1A\n", PictureKind::Png),
        (b"GIF87a", PictureKind::Gif),
        (b"GIF89a...", PictureKind::Gif),
        (b"RIFF\x01\x02\x03\x04WEBPVP8 ", PictureKind::Webp),
    ];
    for (bytes, kind) in known {
        assert_eq!(Picture::new(bytes).unwrap().kind(), kind);
    }
    let unknown: [&[u8]; 12] = [
        b"",
        b"\xFF\xD8",
        b"\x89PNG\r\n\x1A",
        b"\x89PNG\n\n\x1A\n",
        b"GIF88a",
        b"GIF89",
        b"RIFF\x01\x02\x03\x04WAVEfmt ",
        b"RIFF\x01\x02\x03\x04WEB",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"<?xml version=\"1.0\"?><svg/>",
        b"%PDF-1.7",
        b" \xFF\xD8\xFF",
    ];
    for bytes in unknown {
        assert_eq!(
            Picture::new(bytes).err(),
            Some(InvalidPicture::UnknownKind),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_picture_stays_within_its_limit_and_as_it_was_sent() {
    let of_length = |length: usize| {
        let mut bytes = b"GIF89a".to_vec();
        bytes.resize(length, 7);
        bytes
    };
    let largest = of_length(PICTURE_MAX_BYTES);
    let picture = Picture::new(largest.clone()).unwrap();
    assert_eq!(picture.bytes(), largest);
    let refused = Picture::new(of_length(PICTURE_MAX_BYTES + 1));
    assert_eq!(refused.err(), Some(InvalidPicture::TooLarge));
    let other = Picture::new(of_length(PICTURE_MAX_BYTES - 1)).unwrap();
    assert_ne!(picture.hash(), other.hash());
    assert_eq!(
        PictureHash::from_bytes(other.hash().to_bytes()),
        other.hash()
    );
}
