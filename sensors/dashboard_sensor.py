"""Runs `laas sensor poll` and carries out what it prints. All decisions are made there; this is only the way into StackStorm."""
import json
import os
import signal

try:
    from eventlet.green import subprocess  # lets the sensor's other tasks run meanwhile
except ImportError:
    import subprocess

from st2reactor.sensor.base import PollingSensor

PACK = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class DashboardSensor(PollingSensor):
    TIMEOUT = 120  # seconds a poll may take before its process is killed
    PAGE = 100  # keys per request; StackStorm gives no more unless told to

    def setup(self):
        self._logger = self.sensor_service.get_logger(name=self.__class__.__name__)

    def poll(self):
        try:
            self._carry_out(self._run())
        except Exception as e:  # one that gets out ends the sensor for good
            self._logger.error("The dashboard was not polled: %s: %.200s", type(e).__name__, str(e).split("\n")[0])

    def _run(self):
        binary = os.path.join(PACK, "bin", "laas-" + os.uname().machine)
        given = json.dumps({"config": self._config, "state": self._state(), "keys": self._keys()})
        child = subprocess.Popen([binary, "sensor", "poll"], start_new_session=True, universal_newlines=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = child.communicate(given, timeout=self.TIMEOUT)
        finally:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if child.returncode != 0:
            last = (err.strip().splitlines() or ["it said nothing"])[-1]
            raise RuntimeError("laas sensor poll ended with status %s: %s" % (child.returncode, last))
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def _carry_out(self, lines):
        for line in lines:
            if "log" in line:
                log = {"info": self._logger.info, "warning": self._logger.warning}.get(line["log"]["level"], self._logger.error)
                log("%s", line["log"]["message"])
            if "store" in line:
                self.sensor_service.set_value(line["store"]["name"], line["store"]["value"], local=False)
            if "trigger" in line:
                self.sensor_service.dispatch(trigger=line["trigger"], payload=line["payload"], trace_tag=line.get("trace_tag"))
        for line in lines:  # only now: what failed above is tried again at the next poll
            if "state" in line:
                self.sensor_service.set_value("state", line["state"])

    def _state(self):
        # Not get_value: that gives None on errors as well, and no state means the very first poll.
        return {k.name.rpartition(":")[2]: k.value for k in self._list("state", local=True)}.get("state")

    def _keys(self):
        found = [k for p in ("laas.task.", "laas.job.", "laas.owner.") for k in self._list(p, local=False)]
        return {k.name: k.value for k in found if not getattr(k, "encrypted", False)}

    def _list(self, prefix, local):
        found, page = [], None
        while page is None or len(page) == self.PAGE:
            page = self.sensor_service.list_values(local=local, prefix=prefix, limit=self.PAGE, offset=len(found))
            found += page
        return found

    def cleanup(self): pass
    def add_trigger(self, trigger): pass
    def update_trigger(self, trigger): pass
    def remove_trigger(self, trigger): pass
