#!/usr/bin/python
"""Ansible module: the members of a replica set are those that are named, added and removed one at a time."""

from __future__ import annotations

import time

from ansible.module_utils.basic import AnsibleModule
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

DOCUMENTATION = r"""
module: mongodb_members
short_description: Make the members of a replica set those that are named
description:
  - Adds who is missing, then removes who is not named, one at a time, as MongoDB asks for.
  - Nobody is removed when less than a majority of those that stay are healthy. A primary steps down first.
options:
  port:
    description: The port of the member on this machine.
    type: int
    required: true
  user:
    description: An administrator's name.
    type: str
    required: true
  password:
    description: The administrator's password.
    type: str
    required: true
  replica_set:
    description: The set's name.
    type: str
    required: true
  members:
    description: "Who shall belong to it: name:port."
    type: list
    elements: str
    required: true
  election_timeout_ms:
    description: After how long without a primary the others elect a new one, in milliseconds.
    type: int
    required: true
  tls_ca_file:
    description: Whose certificates the members have to have (PEM). Left out, no TLS is spoken.
    type: path
  timeout:
    description: For how long to wait for a primary, or for a new member to be healthy, in seconds.
    type: int
    default: 60
author: Taskyard
"""

RETURN = r"""
added:
  description: Who was added.
  returned: always
  type: list
  elements: str
removed:
  description: Who was removed.
  returned: always
  type: list
  elements: str
"""

PAUSE_SECONDS = 0.25
# Another change is on its way (MongoDB's own when a new member has its copy), or the primary has changed.
NOT_NOW = {
    91,  # ShutdownInProgress
    103,  # NewReplicaSetConfigurationIncompatible: its version is no longer the next one
    109,  # ConfigurationInProgress
    189,  # PrimarySteppedDown
    308,  # CurrentConfigNotCommittedYet
    10107,  # NotWritablePrimary
    11602,  # InterruptedDueToReplStateChange
    13435,  # NotPrimaryNoSecondaryOk
}


class RefusedError(Exception):
    """Going on would harm the set; the message says why and what to do."""


class Members:
    """A replica set's members, as its primary has them."""

    def __init__(self, client, timeout):
        self.admin = client.admin
        self.timeout = timeout

    def config(self):
        return self.admin.command("replSetGetConfig")["config"]

    def hosts(self):
        return [member["host"] for member in self.config()["members"]]

    def states(self):
        """{host: PRIMARY, SECONDARY, …} of the members that the primary reaches."""
        members = self.retry(lambda: self.admin.command("replSetGetStatus"))["members"]
        return {member["name"]: member["stateStr"] for member in members if member["health"] == 1}

    def healthy(self):
        return {host for host, state in self.states().items() if state in ("PRIMARY", "SECONDARY")}

    def retry(self, action):
        give_up = time.monotonic() + self.timeout
        while True:
            try:
                return action()
            except (AutoReconnect, OperationFailure) as error:
                if time.monotonic() > give_up or getattr(error, "code", None) not in NOT_NOW | {None}:
                    raise
                time.sleep(PAUSE_SECONDS)

    def change(self, how):
        """Put the configuration into force that `how` makes of the present one."""

        def once():
            config = self.config()
            how(config)
            config["version"] += 1
            self.admin.command("replSetReconfig", config, maxTimeMS=self.timeout * 1000)

        self.retry(once)

    def add(self, host):
        def how(config):
            if host not in [member["host"] for member in config["members"]]:
                number = max(member["_id"] for member in config["members"]) + 1
                config["members"].append({"_id": number, "host": host})

        self.change(how)

    def remove(self, host):
        def how(config):
            config["members"] = [member for member in config["members"] if member["host"] != host]

        self.change(how)

    def set_election_timeout(self, milliseconds):
        self.change(lambda config: config["settings"].update(electionTimeoutMillis=milliseconds))

    def wait_for(self, hosts):
        """Until all of these are healthy, or the time is over."""
        give_up = time.monotonic() + self.timeout
        while not set(hosts) <= self.healthy() and time.monotonic() < give_up:
            time.sleep(PAUSE_SECONDS)

    def step_down(self, host):
        """Let another member than this host be the primary."""
        self.admin.command("replSetStepDown", 60)
        give_up = time.monotonic() + self.timeout
        while self.states().get(host) == "PRIMARY":
            if time.monotonic() > give_up:
                raise RefusedError(
                    f"{host} stays the primary. Look at journalctl -u mongod there, then run this again."
                )
            time.sleep(PAUSE_SECONDS)

    def remove_all(self, leaving, staying):
        """Who does not answer goes first, the primary last: the set has its majority all the time."""
        left = list(leaving)
        while left:
            states, healthy = self.states(), self.healthy()
            majority = len(staying) // 2 + 1
            answer = [host for host in staying if host in healthy]
            if len(answer) < majority:
                missing = [host for host in staying if host not in healthy]
                raise RefusedError(
                    f"{', '.join(left)} must not be removed from the replica set now: "
                    f"of the {len(staying)} members that would stay, "
                    f"{len(answer)} would be healthy; a majority are {majority}. "
                    f"Bring back {', '.join(missing)} (systemctl status mongod there), then run it again."
                )
            host = min(left, key=lambda each: (each in healthy, states.get(each) == "PRIMARY"))
            if states.get(host) == "PRIMARY":
                self.step_down(host)
            self.remove(host)
            left.remove(host)


def main():
    module = AnsibleModule(
        argument_spec={
            "port": {"type": "int", "required": True},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "replica_set": {"type": "str", "required": True},
            "members": {"type": "list", "elements": "str", "required": True},
            "election_timeout_ms": {"type": "int", "required": True},
            "tls_ca_file": {"type": "path"},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    asked = module.params
    wanted, added, removed = asked["members"], [], []
    client = MongoClient(
        "localhost",
        asked["port"],
        replicaSet=asked["replica_set"],
        username=asked["user"],
        password=asked["password"],
        serverSelectionTimeoutMS=asked["timeout"] * 1000,
        tls=bool(asked["tls_ca_file"]),
        tlsCAFile=asked["tls_ca_file"],
    )
    try:
        members = Members(client, asked["timeout"])
        config = members.retry(members.config)
        hosts = [member["host"] for member in config["members"]]
        added = [host for host in wanted if host not in hosts]
        removed = [host for host in hosts if host not in wanted]
        is_slow = config["settings"]["electionTimeoutMillis"] != asked["election_timeout_ms"]
        if not module.check_mode:
            if is_slow:
                members.set_election_timeout(asked["election_timeout_ms"])
            for host in added:
                members.add(host)
            if removed:
                members.wait_for(wanted)
                members.remove_all(removed, wanted)
    except RefusedError as error:
        module.fail_json(msg=str(error))
    except PyMongoError as error:
        module.fail_json(
            msg=f"The members of the replica set {asked['replica_set']} cannot be changed: {error}. "
            "It needs a primary, so a majority of its members: systemctl status mongod on each."
        )
    module.exit_json(changed=bool(added or removed or is_slow), added=added, removed=removed)


if __name__ == "__main__":
    main()
