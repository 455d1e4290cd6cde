"""A public bucket for `archive_stand_in`: lists of keys, page by page, and files, also from the middle on."""

import re

from archive_stand_in import Reply, Request, StandIn


def add_bucket(server: StandIn, files: dict[str, bytes], keys_at_once: int = 1000) -> None:
    """Let a server have files by their keys."""
    keys = sorted(files)

    def answer(request: Request) -> Reply:
        key = request.path.removeprefix("/stpubdata").lstrip("/")
        if not key:
            return listed(request.form)
        if key not in files:
            return Reply(b"<Error><Code>NoSuchKey</Code></Error>", "application/xml", 404)
        content = files[key]
        if match := re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "")):
            start = int(match[1])
            span = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return Reply(content[start:], status=206, headers={"Content-Range": span})
        return Reply(content)

    def listed(form: dict[str, str]) -> Reply:
        found = [key for key in keys if key.startswith(form.get("prefix", ""))]
        start = int(form.get("continuation-token", 0))
        page, rest = found[start : start + keys_at_once], found[start + keys_at_once :]
        entries = "".join(f"<Contents><Key>{key}</Key><Size>{len(files[key])}</Size></Contents>" for key in page)
        token = f"<NextContinuationToken>{start + keys_at_once}</NextContinuationToken>" if rest else ""
        space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        return Reply(f"<ListBucketResult {space}>{entries}{token}</ListBucketResult>".encode(), "application/xml")

    server.routes["/stpubdata"] = answer
