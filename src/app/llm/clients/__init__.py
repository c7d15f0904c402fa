"""What stands between the layer and the network: client specs, built clients, and the one transport."""
