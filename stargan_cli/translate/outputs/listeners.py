"""Who hears the rows of a run: the caller, the manifest, the contact sheet and the gallery."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stargan_cli.errors import UsageError
from stargan_cli.files.writable import is_same_file, require_folder
from stargan_cli.progress import Say
from stargan_cli.translate.outputs.contact_sheet import CONTACT_SHEET, ContactSheet
from stargan_cli.translate.outputs.gallery import GALLERY, Gallery
from stargan_cli.translate.outputs.manifest import Manifest
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.report import Row
from stargan_cli.translate.settings import Location, Run

Listener = Callable[[Row], None]


class Listeners:
    """Passes the rows of a run on to the caller, the manifest, the contact sheet and the gallery."""

    def __init__(self, run: Run, out: Location, plan: Plan, manifest: Manifest | None, on_row: Listener) -> None:
        self._run, self._manifest, self._on_row = run, manifest, on_row
        self._overviews: list[tuple[Path, ContactSheet | Gallery]] = []
        most = plan.settings.max_pixels
        for place in (run.grid, run.gallery):
            if place is not None and not run.dry:
                require_folder(place.parent)
        if run.grid is not None and not run.dry:
            root = out if isinstance(out, Path) else Path()
            asked = plan.settings.spec or ""
            columns = [(variant.target or asked, root / variant.folder) for variant in plan.variants]
            self._overviews.append((run.grid, ContactSheet(columns, plan.overview_note(CONTACT_SHEET), most)))
        if run.gallery is not None and isinstance(out, Path) and not run.dry:
            note, same_frame = plan.overview_note(GALLERY), plan.settings.size == "source"
            page = Gallery(out, plan.heading(), run.gallery_assets, most, same_frame, note)
            self._overviews.append((run.gallery, page))

    def hear(self, row: Row, own_file: bool) -> None:
        """Pass a row on. Raises UsageError if a report of the run would replace an output or an input."""
        for option, place in (("--grid", self._run.grid), ("--gallery", self._run.gallery)):
            if place is not None and row.output is not None and os.path.abspath(place) == os.path.abspath(row.output):
                raise UsageError(f"{option} {place} would replace an output", "give another name; the output is kept")
            if place is not None and is_same_file(place, Path(row.source)):
                raise UsageError(f"{option} {place} would replace an input: {row.source}", "give another name")
        if self._manifest is not None:
            self._manifest.add(row)
        made = row.status != "failed" and not row.stale and not row.not_due
        for _, overview in self._overviews if own_file and made and row.output else ():
            overview.add(Path(row.source), Path(row.output or ""))
        self._on_row(row)

    def save(self, tell: Say) -> None:
        for path, overview in self._overviews:
            overview.save(path, tell)
