"""The OpenAPI document says what is answered: requests that are made from it, some thousand with

EXAMPLES=300 .venv/bin/python -m pytest tests/cli/web/test_schema.py
"""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from web_client import ADDRESS, TOKEN

from retrieve.cli.web.access import Access
from retrieve.cli.web.app import create_app
from retrieve.indexes.catalog.database import writing
from retrieve.indexes.collection import open_collection
from retrieve.indexes.people import statements

HEADERS = {"authorization": f"Bearer {TOKEN}"}
FEW = 3  # requests of each kind, always the same
EXAMPLES = int(os.environ.get("EXAMPLES", FEW))


@pytest.fixture(scope="module")
def described(indexed, tmp_path_factory):
    """The document of an application over a collection that requests may change."""
    folder = tmp_path_factory.mktemp("described")
    shutil.copytree(indexed, folder / "collection")
    (folder / "carta.txt").write_text("Querida Ana: la boda fue en Zaragoza.\n")
    with open_collection(folder / "collection") as collection:
        collection.index([folder / "carta.txt"])
        with writing(collection.db):
            statements.say_name(collection.db, "Ana", [1])
        app = create_app(collection, Access(TOKEN))
        import schemathesis  # seconds of imports, here alone and not in each process that collects

        found = schemathesis.openapi.from_dict(app.openapi())
        found.app = app
        found.config.update(base_url=ADDRESS)
        yield found


# What has the right form may have no answer: a name that nobody has. So 400 is allowed for it.


def test_every_answer_is_as_described_and_none_is_an_error_of_the_server(described):
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:

        @given(operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=EXAMPLES == FEW,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def asked(case):
            case.call_and_validate(headers=HEADERS, excluded_checks=[positive_data_acceptance])

        asked()
