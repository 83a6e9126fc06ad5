"""What is told of each request: to a log, to Prometheus and to OpenTelemetry. Each is given to a client by its name.

TritonClient("http://triton:8000", observers=[LogObserver(), PrometheusObserver()])
"""
