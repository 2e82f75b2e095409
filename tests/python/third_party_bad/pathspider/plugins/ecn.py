raise RuntimeError("a native measurement has this name: nobody may load me")
