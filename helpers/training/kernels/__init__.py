"""Our C++ kernels: built, wrapped as torch operations, and put into a network's twin."""
