"""Answers of a public bucket (S3), for `archive_stand_in`: lists with continuation, files by range."""

from pathlib import Path
from xml.sax.saxutils import escape

from archive_stand_in import Reply, Request, StandIn


class Bucket:
    """A folder as a bucket.

    Parameters
    ----------
    folder : Path
        What is in it has the keys of the bucket.
    page : int
        Entries of a list before its continuation.

    Attributes
    ----------
    ignores_range : bool
        Answer with the whole file, whatever part is asked for.
    """

    def __init__(self, folder: Path, page: int = 1000) -> None:
        self.folder, self.page, self.ignores_range = folder, page, False

    def add_to(self, server: StandIn, path: str = "/stpubdata") -> None:
        """Answer below a path of a server."""
        self._path = path
        server.routes[path] = self.answer

    def answer(self, request: Request) -> Reply:
        """List, or give a file or a part of it."""
        key = request.path.removeprefix(self._path).strip("/")
        if not key:
            return self._listing(request.form)
        path = self.folder / key
        if not path.is_file():
            return Reply(b"<Error><Code>NoSuchKey</Code></Error>", "application/xml", 404)
        content = path.read_bytes()
        wanted = request.headers.get("range", "")
        if not wanted or self.ignores_range:
            return Reply(content)
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return Reply(content[start:], status=206, headers=headers)

    def _listing(self, form: dict[str, str]) -> Reply:
        prefix = form.get("prefix", "")
        entries: dict[str, int | None] = {}
        for path in sorted(self.folder.rglob("*")):
            key = path.relative_to(self.folder).as_posix()
            if path.is_file() and key.startswith(prefix):
                folder, slash, _ = key[len(prefix) :].partition("/")
                entries[f"{prefix}{folder}/" if slash else key] = None if slash else path.stat().st_size
        start = int(form.get("continuation-token", "0"))
        shown = list(entries.items())[start : start + self.page]
        is_cut = start + self.page < len(entries)
        parts = [
            f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
            if size is None
            else f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size></Contents>"
            for key, size in shown
        ]
        more = f"<NextContinuationToken>{start + self.page}</NextContinuationToken>" if is_cut else ""
        text = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>stpubdata</Name><Prefix>{escape(prefix)}</Prefix><IsTruncated>{str(is_cut).lower()}</IsTruncated>"
            f"{more}{''.join(parts)}</ListBucketResult>"
        )
        return Reply(text.encode(), "application/xml")
