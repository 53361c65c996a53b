"""The sensor_service that a sensor gets: datastore and triggers through the API."""
import json
import logging
import urllib.error
import urllib.parse
import urllib.request


class Key:
    def __init__(self, attributes):
        self.__dict__.update(attributes)


class SensorService:
    def __init__(self, url, token, pack, class_name):
        self._url, self._token = url, token
        self._prefix = "%s.%s:" % (pack, class_name)
        self._logger = logging.getLogger("SensorWrapper.%s.%s" % (pack, class_name))

    def get_logger(self, name):
        return self._logger.getChild(name)

    def dispatch(self, trigger, payload=None, trace_tag=None):
        headers = {"St2-Trace-Tag": trace_tag} if trace_tag else {}
        try:
            self._call("POST", "/webhooks/st2", {"trigger": trigger, "payload": payload}, headers)
        except urllib.error.HTTPError as e:
            if e.code != 400:
                raise
            self._logger.warning("Trigger payload validation failed, not dispatching a trigger %s: %s", trigger, json.load(e)["faultstring"])

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        prefix = (self._prefix if local else "") + (prefix or "")
        query = urllib.parse.urlencode({"prefix": prefix, "limit": limit or 100, "offset": offset})
        return [Key(k) for k in self._call("GET", "/keys?" + query)]

    def get_value(self, name, local=True, scope="system", decrypt=False):
        query = urllib.parse.urlencode({"scope": scope, "decrypt": str(decrypt).lower()})
        try:
            return self._call("GET", self._path(name, local) + "?" + query)["value"]
        except Exception as e:
            self._logger.error("Exception retrieving value from datastore (name=%s): %s", name, e)
            return None

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        body = {"value": str(value), "scope": scope, "secret": encrypt}
        if ttl:
            body["ttl"] = ttl
        self._call("PUT", self._path(name, local), body)
        return True

    def delete_value(self, name, local=True, scope="system"):
        try:
            self._call("DELETE", self._path(name, local))
        except urllib.error.HTTPError:
            return False
        return True

    def _path(self, name, local):
        return "/keys/" + urllib.parse.quote((self._prefix if local else "") + name, safe="")

    def _call(self, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"X-Auth-Token": self._token, **(headers or {})}, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else None
