"""Three activation functions of recent papers, each a module of its own, loaded when it is used."""
