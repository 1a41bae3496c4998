"""One BLAS thread, in tests and benchmarks, before NumPy is loaded.

A suite in as many processes as there are processors has none to spare: BLAS's threads wait for each other, busily. And a
ratio to a matrix product is then a count of products and not of cores.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
