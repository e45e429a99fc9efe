# SPDX-License-Identifier: Apache-2.0
"""Releases of this product for the lab: what runs there as a package, and the next one, which changes a schema."""
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud.mainjob import PROGRAMS
from tests.lab.stack import REPO

NOW, NEXT = "1.0.0", "1.1.0"
BUILD_S = 900
COLUMN = "told_by"
EXPAND = f'''"""Which release has told it. The release before leaves the default."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{{number}}", "{{before}}"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("alarm", sa.Column("{COLUMN}", sa.String(16), nullable=True, server_default="somebody"))


def downgrade() -> None:
    op.drop_column("alarm", "{COLUMN}")
'''
CONTRACT = f'''"""Each alarm has it."""
import sqlalchemy as sa
from alembic import op

revision, down_revision, phase = "{{number}}", "{{before}}", "contract"
branch_labels = depends_on = None


def upgrade() -> None:
    op.execute("UPDATE alarm SET {COLUMN} = 'nobody' WHERE {COLUMN} IS NULL")
    op.alter_column("alarm", "{COLUMN}", existing_type=sa.String(16), nullable=False)


def downgrade() -> None:
    op.alter_column("alarm", "{COLUMN}", existing_type=sa.String(16), nullable=True)
'''


@dataclass(frozen=True)
class Release:
    """``image`` and ``signature`` of the next release, the ``certificate`` that counts for it, and the revisions of
    fm's database: of the running release, with what the next one adds, and at its end."""

    image: Path
    signature: Path
    certificate: Path
    before: str
    expanded: str
    contracted: str


def make(folder: Path) -> Release:
    """Build both releases from this checkout, unless ``folder`` has them."""
    versions = sorted((REPO / "fm/db/migrations/versions").glob("[0-9]*.py"))
    before = versions[-1].name[:4]
    expanded, contracted = f"{int(before) + 1:04}", f"{int(before) + 2:04}"
    name = f"starlingx-{NEXT}"
    found = Release(folder / f"{name}.iso", folder / f"{name}.sig", folder / "maker.crt", before, expanded, contracted)
    if not found.image.exists():
        _tool("key", "maker", "--target", str(folder))
        _tool("flock", "--source", str(REPO), "--target", str(folder), "--package-only", NOW)
        checkout = folder / "checkout"
        shutil.copytree(REPO, checkout, ignore=shutil.ignore_patterns(".git", "__pycache__", "build"))
        place = checkout / "fm/db/migrations/versions"
        (place / f"{expanded}_told_by.py").write_text(EXPAND.format(number=expanded, before=before))
        (place / f"{contracted}_always_told_by.py").write_text(CONTRACT.format(number=contracted, before=expanded))
        _tool("flock", "--source", str(checkout), "--target", str(folder), "--key", str(folder / "maker.key"),
              "--from", NOW.rpartition(".")[0], "--previous", str(folder / f"stx-flock_{NOW}_all.deb"),
              "--status", "REL", "--summary", "The next release", NEXT)
        shutil.rmtree(checkout)
    return found


def _tool(*words: str) -> None:
    done = subprocess.run([f"{PROGRAMS}/software-build", *words], capture_output=True, text=True, timeout=BUILD_S,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
