"""Stand-ins for Centra and myOGO for demos and tests: real HTTP on loopback, state in memory.

with Sandbox.start(Catalogue.sample()) as box:
    headers = {"API-Authorization": box.credentials.centra_token}
    requests.get(box.centra_url + "/products?limit=100", headers=headers)
"""

from pipelines.sandbox.common.credentials import Credentials
from pipelines.sandbox.seed.catalogue import Catalogue
from pipelines.sandbox.server.listener import PortTaken
from pipelines.sandbox.server.server import Sandbox

__all__ = ["Catalogue", "Credentials", "PortTaken", "Sandbox"]
