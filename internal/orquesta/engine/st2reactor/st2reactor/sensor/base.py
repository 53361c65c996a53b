"""The base class of polling sensors, with the attributes and the constructor that StackStorm's has."""


class PollingSensor:
    def __init__(self, sensor_service, config=None, poll_interval=5):
        self._sensor_service = self.sensor_service = sensor_service
        self._config = self.config = config or {}
        self._poll_interval = poll_interval
