"""Runs one sensor. What to run comes as the first line of stdin, in JSON; each further line is a poll. Log lines, and the end of each poll, go to stderr
as JSON."""
import importlib.util
import json
import logging
import os
import sys

from st2reactor.service import SensorService


class JSONLines(logging.Handler):
    def emit(self, record):
        print(json.dumps({"level": record.levelname, "message": record.getMessage()}), file=sys.stderr, flush=True)


def main():
    given = json.loads(sys.stdin.readline())
    logging.basicConfig(level=logging.INFO, handlers=[JSONLines()])
    spec = importlib.util.spec_from_file_location("sensor", given["file_path"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    service = SensorService(os.environ["ST2_API_URL"], os.environ["ST2_AUTH_TOKEN"], given["pack"], given["class_name"])
    sensor = getattr(module, given["class_name"])(sensor_service=service, config=given["config"], poll_interval=given["poll_interval"])
    sensor.setup()
    for trigger in given["triggers"]:
        sensor.add_trigger(trigger=trigger)
    for _ in sys.stdin:
        sensor.poll()
        print(json.dumps({"polled": True}), file=sys.stderr, flush=True)
    sensor.cleanup()


main()
