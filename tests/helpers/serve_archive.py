"""Answer as the archive for one star until the end of the input: python serve_archive.py FOLDER

FOLDER gets the settings that let clients ask this server (`XDG_CONFIG_HOME=FOLDER`), and the pixels, which are
simulated: L 98-59, the star of README's first command, in two sectors.
"""

import sys
from pathlib import Path

from archive_fields import add_sky, sky_at
from archive_stand_in import StandIn

#: L 98-59 (TIC 307210830): place, magnitude and two of its sectors (TIC 8.2; Kostov et al. 2019, AJ 158, 32).
STARID, RA, DEC, TMAG = 307210830, 124.53176, -68.31300, 9.39
SEEN = ((8, 4, 1), (9, 4, 1))


def main(folder: Path) -> None:
    """Serve until the input ends."""
    sky = sky_at(RA, DEC, SEEN, TMAG, size=64, n_cadence=40, starid=STARID)
    with StandIn() as server:
        add_sky(server, sky, folder)
        server.write_settings(folder, answer_s=60.0)
        (folder / "ready").touch()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
